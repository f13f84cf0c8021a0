/* sendfile(2), copy_file_range(2), splice(2), fallocate(2). */
#include "guest.h"
#include <sys/sendfile.h>
int main(void) {
    char one[64], two[64], text[16] = {0};
    int from = scratch(one), to = scratch(two), ends[2];
    CHECK(unlink(one));
    CHECK(unlink(two));
    CHECK(write(from, "0123456789", 10));
    off_t offset = 2;
    EXPECT(sendfile(to, from, &offset, 4) == 4 && offset == 6);
    loff_t in = 6, out = 4;
    EXPECT(copy_file_range(from, &in, to, &out, 100, 0) == 4 && in == 10 && out == 8);
    EXPECT(pread(to, text, 16, 0) == 8 && strcmp(text, "23456789") == 0);
    CHECK(pipe(ends));
    loff_t start = 0;
    EXPECT(splice(from, &start, ends[1], 0, 3, 0) == 3);
    EXPECT(read(ends[0], text, 16) == 3 && text[0] == '0');
    CHECK(posix_fallocate(to, 0, 1000) ? -1 : 0);
    struct stat status;
    CHECK(fstat(to, &status));
    EXPECT(status.st_size == 1000);
    return 0;
}
