/* setresuid(2), setgroups(2): a privileged process drops everything for good; others keep what they have. */
#include "guest.h"
#include <grp.h>
int main(void) {
    uid_t real, effective, saved;
    CHECK(getresuid(&real, &effective, &saved));
    EXPECT(real == getuid() && effective == geteuid());
    CHECK(setresuid(-1, -1, -1));
    CHECK(setresgid(-1, getegid(), -1));
    gid_t groups[65536 / 8];
    EXPECT(CHECK(getgroups(0, 0)) == CHECK(getgroups(sizeof groups / sizeof *groups, groups)));
    pid_t pid = CHECK(fork());
    if (!pid) {
        if (real == 0) {
            CHECK(setgroups(2, (gid_t[]){7, 9}));
            EXPECT(getgroups(2, groups) == 2 && groups[0] == 7 && groups[1] == 9);
            CHECK(setresgid(100, 101, 102));
            CHECK(setreuid(1000, 1001));
            CHECK(getresuid(&real, &effective, &saved));
            EXPECT(real == 1000 && effective == 1001 && saved == 1001);
            CHECK(seteuid(1000));
            CHECK(setresuid(1000, 1000, 1000));
        }
        EXPECT_ERRNO(setuid(0), EPERM);
        EXPECT_ERRNO(setresuid(-1, 4321, -1), EPERM);
        EXPECT_ERRNO(setgid(4321), EPERM);
        EXPECT_ERRNO(setgroups(0, 0), EPERM);
        CHECK(setuid(getuid()));
        _exit(0);
    }
    EXPECT(reap(pid) == 0);
    CHECK(getresuid(&real, &effective, &saved));
    EXPECT(real == getuid() && effective == geteuid());
    return 0;
}
