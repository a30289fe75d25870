/* bcryptprimitives.dll for Wine 8, which has none: each Rust extension imports ProcessPrng from it. */
#include <windows.h>

#define LARGEST 0x10000000

BOOLEAN NTAPI SystemFunction036(PVOID bytes, ULONG size); /* RtlGenRandom of advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T size)
{
    while (size > 0) {
        ULONG part = size > LARGEST ? LARGEST : (ULONG)size;
        if (!SystemFunction036(bytes, part))
            return FALSE;
        bytes += part;
        size -= part;
    }
    return TRUE;
}
