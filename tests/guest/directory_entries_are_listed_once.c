/* getdents64(2): each name once, types, "." and "..", small buffers, seeking back; gone directories. */
#include "guest.h"
#include <dirent.h>
struct entry { uint64_t ino; int64_t off; uint16_t reclen; uint8_t type; char name[]; };
int main(void) {
    char name[16], buffer[512], seen[40] = {0};
    CHECK(mkdir("d", 0700));
    for (int i = 0; i < 40; i++) {
        sprintf(name, "d/n%02d", i);
        if (i == 39) CHECK(symlink("x", name));
        else if (i == 38) CHECK(mkdir(name, 0700));
        else close(CHECK(open(name, O_CREAT | O_WRONLY, 0600)));
    }
    int fd = CHECK(open("d", O_RDONLY | O_DIRECTORY)), dots = 0;
    for (long size; (size = CHECK(syscall(SYS_getdents64, fd, buffer, sizeof buffer))) > 0;)
        for (long at = 0; at < size;) {
            struct entry *entry = (struct entry *)(buffer + at);
            at += entry->reclen;
            EXPECT(entry->reclen % 8 == 0 && entry->ino);
            if (entry->name[0] == '.') { dots++; EXPECT(entry->type == DT_DIR); continue; }
            int number = atoi(entry->name + 1);
            EXPECT(!seen[number]++ && entry->type == (number == 39 ? DT_LNK : number == 38 ? DT_DIR : DT_REG));
        }
    for (int i = 0; i < 40; i++) EXPECT(seen[i] == 1);
    EXPECT(dots == 2 && CHECK(syscall(SYS_getdents64, fd, buffer, sizeof buffer)) == 0);
    CHECK(lseek(fd, 0, SEEK_SET));
    EXPECT(CHECK(syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0);
    EXPECT_ERRNO(syscall(SYS_getdents64, fd, buffer, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_getdents64, 1, buffer, sizeof buffer), ENOTDIR);
    EXPECT_ERRNO(read(fd, buffer, 1), EISDIR);
    DIR *stream = fdopendir(fd);
    rewinddir(stream);
    readdir(stream);
    readdir(stream);
    long place = telldir(stream);
    struct dirent *third = readdir(stream);
    EXPECT(third);
    strcpy(name, third->d_name);
    while (readdir(stream)) {}
    seekdir(stream, place);
    third = readdir(stream);
    EXPECT(third && strcmp(third->d_name, name) == 0);
    for (int i = 0; i < 40; i++) { sprintf(name, "d/n%02d", i); CHECK(remove(name)); }
    CHECK(rmdir("d"));
    lseek(dirfd(stream), 0, SEEK_SET);
    EXPECT_ERRNO(syscall(SYS_getdents64, dirfd(stream), buffer, sizeof buffer), ENOENT);
    closedir(stream);
    return 0;
}
