/* pty(7): a pseudo-terminal pair, its size and its line discipline. */
#include "guest.h"
#include <sys/ioctl.h>
#include <termios.h>
int main(void) {
    int master = CHECK(posix_openpt(O_RDWR | O_NOCTTY));
    CHECK(grantpt(master));
    CHECK(unlockpt(master));
    char name[64];
    EXPECT(ptsname_r(master, name, sizeof name) == 0 && strncmp(name, "/dev/pts/", 9) == 0);
    int slave = CHECK(open(name, O_RDWR | O_NOCTTY));
    EXPECT(isatty(slave) && isatty(master));
    struct winsize size = {.ws_row = 33, .ws_col = 44}, got;
    CHECK(ioctl(master, TIOCSWINSZ, &size));
    CHECK(ioctl(slave, TIOCGWINSZ, &got));
    EXPECT(got.ws_row == 33 && got.ws_col == 44);
    CHECK(write(master, "line\n", 5));
    char text[16] = {0};
    EXPECT(read(slave, text, sizeof text) == 5 && strcmp(text, "line\n") == 0);
    struct termios settings;
    CHECK(tcgetattr(slave, &settings));
    EXPECT(settings.c_lflag & ICANON);
    cfmakeraw(&settings);
    CHECK(tcsetattr(slave, TCSANOW, &settings));
    CHECK(tcgetattr(slave, &settings));
    EXPECT(!(settings.c_lflag & (ICANON | ECHO)));
    CHECK(write(slave, "raw\n", 4));
    memset(text, 0, sizeof text);
    for (int got_bytes = 0; got_bytes < 4 || !strstr(text, "raw\n");)
        got_bytes += CHECK(read(master, text + got_bytes, 1)), EXPECT(got_bytes < 15);
    return 0;
}
