/* pipe(7): concurrent writes of at most PIPE_BUF bytes never mix. */
#include "guest.h"
int main(void) {
    int ends[2];
    char record[512], got[512];
    CHECK(pipe(ends));
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        if (!(pids[i] = CHECK(fork()))) {
            memset(record, 'a' + i, sizeof record);
            for (int j = 0; j < 100; j++) EXPECT(CHECK(write(ends[1], record, sizeof record)) == sizeof record);
            _exit(0);
        }
    CHECK(close(ends[1]));
    int count = 0;
    for (long size = 0, more; (more = CHECK(read(ends[0], got + size, sizeof got - size))) > 0;) {
        if ((size += more) < (long)sizeof got) continue;
        for (unsigned i = 1; i < sizeof got; i++) EXPECT(got[i] == got[0]);
        size = 0;
        count++;
    }
    EXPECT(count == 300);
    for (int i = 0; i < 3; i++) EXPECT(reap(pids[i]) == 0);
    return 0;
}
