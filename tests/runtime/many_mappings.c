/* Maps a file, unmaps it and closes it, in either order, again and again. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
    for (int i = 0; i < 2000; i++) {
        int fd = open(argv[1], O_RDONLY);
        char *page = fd < 0 ? MAP_FAILED : mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
        if (page == MAP_FAILED || page[0] != 'x') {
            printf("round %d: descriptor %d\n", i, fd);
            return 1;
        }
        if (i % 2)
            close(fd);
        munmap(page, 4096);
        if (!(i % 2))
            close(fd);
    }
    return argc != 2;
}
