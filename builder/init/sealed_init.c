// SPDX-License-Identifier: Apache-2.0
//
// The first process of a sealed image. systemd asks for its own label by the name
// /run/current-system/systemd/lib/systemd/systemd as soon as it has loaded the policy, and in NixOS
// that link is made by activation, which a sealed image does not run. So this program makes it:
//
//   1. a tmpfs on /run, unless the initrd has handed one over;
//   2. /run/current-system and /run/booted-system, to the system that the link
//      /nix/var/nix/profiles/system-1-link of the image names;
//   3. that system's systemd takes over the process, its arguments and its environment.
//
// It runs in kernel_t before any policy is loaded; systemd relabels all of /run right after loading
// it (mount_setup). Everything else that activation makes lies in the image or is made by systemd.
//
// Freestanding C: no libc, no start files, so that one cross compiler without a sysroot builds it.
// It has no writable data: Linux before 6.7 refuses a segment of zeros that begins inside a page.
// A failed step is told on stderr and in the kernel's log, and ends the process: the kernel panics
// and shows both.

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "the first process is written for x86_64 and aarch64"
#endif

typedef unsigned long word;

#define SYSTEM_LINK "/nix/var/nix/profiles/system-1-link"
#define SYSTEMD "/systemd/lib/systemd/systemd"

enum { kPathMax = 4096 };
enum { kAtFdcwd = -100, kWriteOnly = 1, kEexist = 17 };
enum { kNoSuid = 2, kNoDev = 4, kStrictAtime = 1 << 24 };  // mount flags (linux/mount.h)
enum { kTmpfsMagic = 0x01021994 };                         // linux/magic.h
static const word kRamfsMagic = 0x858458f6;

#if defined(__x86_64__)
enum { kWrite = 1, kExecve = 59, kStatfs = 137, kMount = 165, kExitGroup = 231 };
enum { kOpenat = 257, kUnlinkat = 263, kSymlinkat = 266, kReadlinkat = 267 };

__asm__(
    ".global _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call start_system\n");

static long call(word number, word a, word b, word c, word d, word e) {
  register word r10 __asm__("r10") = d;
  register word r8 __asm__("r8") = e;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}
#else
enum { kUnlinkat = 35, kSymlinkat = 36, kMount = 40, kStatfs = 43, kOpenat = 56 };
enum { kWrite = 64, kReadlinkat = 78, kExitGroup = 94, kExecve = 221 };

__asm__(
    ".global _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  mov x0, sp\n"
    "  bl start_system\n");

static long call(word number, word a, word b, word c, word d, word e) {
  register word x8 __asm__("x8") = number;
  register word x0 __asm__("x0") = a;
  register word x1 __asm__("x1") = b;
  register word x2 __asm__("x2") = c;
  register word x3 __asm__("x3") = d;
  register word x4 __asm__("x4") = e;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return (long)x0;
}
#endif

// Appends to a text of kPathMax bytes; what does not fit is cut, which only a message can meet.
static word append(char* text, word length, const char* more) {
  while (*more && length < kPathMax - 1) text[length++] = *more++;
  text[length] = 0;
  return length;
}

static word append_number(char* text, word length, word number) {
  char digits[24];
  word place = sizeof digits - 1;
  digits[place] = 0;
  do {
    digits[--place] = (char)('0' + number % 10);
    number /= 10;
  } while (number);
  return append(text, length, digits + place);
}

__attribute__((noreturn)) static void fail(const char* step, const char* name, long error) {
  char message[kPathMax];
  word length = append(message, 0, "<2>intaglio init: cannot ");
  length = append(message, length, step);
  length = append(message, length, " '");
  length = append(message, length, name);
  length = append(message, length, "': error ");
  length = append_number(message, length, (word)-error);
  length = append(message, length, "\n");
  call(kWrite, 2, (word)(message + 3), length - 3, 0, 0);
  long log = call(kOpenat, (word)kAtFdcwd, (word) "/dev/kmsg", kWriteOnly, 0, 0);
  if (log >= 0) call(kWrite, (word)log, (word)message, length, 0, 0);
  for (;;) call(kExitGroup, 1, 0, 0, 0, 0);
}

static void make_link(const char* target, const char* path) {
  long error = call(kSymlinkat, (word)target, (word)kAtFdcwd, (word)path, 0, 0);
  if (error == -kEexist) {  // an initrd of NixOS has made it
    error = call(kUnlinkat, (word)kAtFdcwd, (word)path, 0, 0, 0);
    if (error < 0) fail("replace", path, error);
    error = call(kSymlinkat, (word)target, (word)kAtFdcwd, (word)path, 0, 0);
  }
  if (error < 0) fail("make the link", path, error);
}

// `stack` is what the kernel passes: argc, argv[0..argc-1], null, environment, null.
__attribute__((noreturn, used)) void start_system(word* stack) {
  char** arguments = (char**)(stack + 1);
  char** environment = arguments + stack[0] + 1;

  word status[32];  // struct statfs has 15 words, its type first
  long error = call(kStatfs, (word) "/run", (word)status, 0, 0, 0);
  if (error < 0) fail("look at", "/run", error);
  if (status[0] != kTmpfsMagic && status[0] != kRamfsMagic) {
    error = call(kMount, (word) "tmpfs", (word) "/run", (word) "tmpfs",
                 kNoSuid | kNoDev | kStrictAtime, (word) "mode=0755");
    if (error < 0) fail("mount a tmpfs on", "/run", error);
  }

  char target[kPathMax];
  long length = call(kReadlinkat, (word)kAtFdcwd, (word)SYSTEM_LINK, (word)target,
                     sizeof target - sizeof SYSTEMD, 0);
  if (length < 0) fail("read the link", SYSTEM_LINK, length);
  target[length] = 0;
  make_link(target, "/run/current-system");
  make_link(target, "/run/booted-system");

  append(target, (word)length, SYSTEMD);
  if (stack[0]) arguments[0] = target;
  error = call(kExecve, (word)target, (word)arguments, (word)environment, 0, 0);
  fail("start", target, error);
}
