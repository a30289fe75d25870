/* The first FSYNC_FAILS_AFTER calls of fsync and fdatasync do what they should, every later one
 * fails with EIO, as on a disk that is dying. For LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

static int works(void)
{
    static long left = -1;
    if (left < 0)
        left = atol(getenv("FSYNC_FAILS_AFTER"));
    if (left == 0)
        return 0;
    left--;
    return 1;
}

static int synced(const char *name, int file)
{
    int (*sync)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    if (works())
        return sync(file);
    errno = EIO;
    return -1;
}

int fsync(int file) { return synced("fsync", file); }
int fdatasync(int file) { return synced("fdatasync", file); }
