/* path_resolution(7): what was found at a path before says nothing about what is there now. */
#include "guest.h"
static char root[512];
static const char *at(const char *path) {
    static char full[1024];
    snprintf(full, sizeof full, "%s/%s", root, path);
    return full;
}
static void make(const char *path, int size) {
    int fd = CHECK(open(at(path), O_CREAT | O_TRUNC | O_WRONLY, 0600));
    CHECK(ftruncate(fd, size));
    CHECK(close(fd));
}
/* Its size, or -errno; often enough that nobody looks it up anew each time without a reason. */
static long size(const char *path) {
    struct stat found;
    long last = 0;
    for (int i = 0; i < 4; i++) last = stat(at(path), &found) ? -errno : found.st_size;
    return last;
}
static void move(const char *from, const char *to) {
    char old[1024];
    strcpy(old, at(from));
    CHECK(rename(old, at(to)));
}
int main(void) {
    EXPECT(getcwd(root, sizeof root) != NULL);
    CHECK(mkdir(at("a"), 0700));
    CHECK(mkdir(at("a/b"), 0700));
    make("a/b/file", 1);
    EXPECT(size("a/b/file") == 1 && size("a/b/other") == -ENOENT);
    /* A missing name appears, a name goes. */
    make("a/b/other", 2);
    EXPECT(size("a/b/other") == 2);
    CHECK(unlink(at("a/b/file")));
    EXPECT(size("a/b/file") == -ENOENT);
    make("a/b/file", 3);
    EXPECT(size("a/b/file") == 3);
    /* The directory moves, and another takes its place. */
    move("a/b", "a/c");
    EXPECT(size("a/b/file") == -ENOENT && size("a/c/file") == 3);
    CHECK(mkdir(at("a/b"), 0700));
    EXPECT(size("a/b/file") == -ENOENT);
    make("a/b/file", 4);
    EXPECT(size("a/b/file") == 4 && size("a/c/file") == 3);
    /* The one above moves. */
    move("a", "moved");
    EXPECT(size("a/b/file") == -ENOENT && size("moved/b/file") == 4);
    /* A link in its place, relative, then absolute, then to somewhere else. */
    CHECK(symlink("moved", at("a")));
    EXPECT(size("a/b/file") == 4 && size("a/c/file") == 3);
    char target[1024];
    strcpy(target, at("moved/c"));
    CHECK(unlink(at("a")));
    CHECK(symlink(target, at("a")));
    EXPECT(size("a/file") == 3 && size("a/b/file") == -ENOENT);
    strcpy(target, at("moved/b"));
    CHECK(unlink(at("a")));
    CHECK(symlink(target, at("a")));
    EXPECT(size("a/file") == 4 && size("a/../c/file") == 3);
    /* A file in place of a directory. */
    CHECK(unlink(at("a")));
    make("a", 5);
    EXPECT(size("a") == 5 && size("a/file") == -ENOTDIR);
    /* What another process does counts too. */
    EXPECT(size("moved/c/file") == 3);
    pid_t child = CHECK(fork());
    if (!child) {
        move("moved/c", "moved/d");
        CHECK(mkdir(at("moved/c"), 0700));
        make("moved/c/file", 6);
        _exit(0);
    }
    EXPECT(reap(child) == 0);
    EXPECT(size("moved/c/file") == 6 && size("moved/d/file") == 3);
    /* Without the right to search there is no way through, whatever was found before. */
    if (geteuid()) {
        CHECK(chmod(at("moved"), 0));
        EXPECT(size("moved/c/file") == -EACCES);
        CHECK(chmod(at("moved"), 0700));
        EXPECT(size("moved/c/file") == 6);
    }
    return 0;
}
