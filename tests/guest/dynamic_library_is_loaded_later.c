/* elfuse: dynamic, flags=-ldl */
/* dlopen(3): a library loaded while running, its symbols, addresses and errors. */
#include "guest.h"
#include <dlfcn.h>
#include <link.h>
static int count(struct dl_phdr_info *info, size_t size, void *counter) {
    (void)size;
    (void)info;
    ++*(int *)counter;
    return 0;
}
int main(void) {
    int before = 0, after = 0;
    dl_iterate_phdr(count, &before);
    void *library = dlopen("libm.so.6", RTLD_NOW);
    EXPECT(library);
    double (*root)(double) = (double (*)(double))dlsym(library, "sqrt");
    EXPECT(root && root(9) == 3);
    dl_iterate_phdr(count, &after);
    EXPECT(after == before + 1);
    Dl_info info;
    EXPECT(dladdr((void *)root, &info) && strstr(info.dli_fname, "libm.so") && info.dli_saddr == (void *)root);
    EXPECT(dlopen("libmissing.so", RTLD_NOW) == 0 && strstr(dlerror(), "libmissing.so"));
    EXPECT(dlsym(RTLD_DEFAULT, "malloc") == (void *)malloc && dlclose(library) == 0);
    return 0;
}
