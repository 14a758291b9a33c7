// SPDX-License-Identifier: Apache-2.0
//
// Lets one call of the program fail. A library for LD_PRELOAD, told by the environment:
//
//   FAIL_CALLS  the calls that count, by name, a comma before and after each; `malloc` is every
//               kind of allocation
//   FAIL_NTH    which of them fails, from 1 on; 0: none
//   FAIL_REST   if set, those after it fail as well
//   FAIL_WITH   the error number; `short`: reads and writes move half of what they were asked to
//   FAIL_LOG    a file, to which is added what failed and on which path, and in the end `count N`
//
// Only calls between the start and the end of main() count, and none on standard input and output.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *calls, *log_path;
static long nth;
static bool rest, halves;
static int error_number;
static atomic_bool armed;
static atomic_long count;

// Nothing here may allocate, and what it calls must not be what it wraps.
static void say(const char* what, const char* where) {
  const long fd = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  char line[8192];
  const int length = snprintf(line, sizeof line, "%s %s\n", what, where);
  syscall(SYS_write, fd, line, (size_t)length);
  syscall(SYS_close, fd);
}

static bool is_counted(const char* name) {
  if (!atomic_load(&armed)) return false;
  const size_t length = strlen(name);
  for (const char* at = calls; (at = strstr(at, name)); at += length) {
    if (at[-1] == ',' && at[length] == ',') return true;
  }
  return false;
}

static bool fails(const char* name, const char* path) {
  if (!is_counted(name)) return false;
  const long number = atomic_fetch_add(&count, 1) + 1;
  if (nth == 0 || (rest ? number < nth : number != nth)) return false;
  say(name, path);
  errno = error_number;
  return true;
}

static bool fails_on(const char* name, int fd) {
  if (!atomic_load(&armed) || (fd >= 0 && fd <= 2)) return false;
  char link[64], path[4096] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  if (length > 0) path[length] = '\0';
  return fails(name, path);
}

typedef int (*main_function)(int, char**, char**);
static main_function real_main;

static int wrapped_main(int argc, char** argv, char** environment) {
  atomic_store(&armed, calls && log_path);
  const int status = real_main(argc, argv, environment);
  if (atomic_exchange(&armed, false)) {
    char text[32];
    snprintf(text, sizeof text, "%ld", atomic_load(&count));
    say("count", text);
  }
  return status;
}

int __libc_start_main(main_function program, int argc, char** argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void* stack_end) {
  int (*next)(main_function, int, char**, void (*)(void), void (*)(void), void (*)(void), void*);
  *(void**)&next = dlsym(RTLD_NEXT, "__libc_start_main");
  calls = getenv("FAIL_CALLS");
  log_path = getenv("FAIL_LOG");
  rest = getenv("FAIL_REST") != NULL;
  const char* with = getenv("FAIL_WITH");
  halves = with && strcmp(with, "short") == 0;
  error_number = with ? atoi(with) : EIO;
  const char* number = getenv("FAIL_NTH");
  nth = number ? atol(number) : 0;
  real_main = program;
  return next(wrapped_main, argc, argv, init, fini, rtld_fini, stack_end);
}

#define NEXT(name)               \
  static __typeof__(&name) next; \
  if (!next) *(void**)&next = dlsym(RTLD_NEXT, #name)

// What names a path, and what has a file open: NAME(PARAMETERS) gives VALUE when it fails.
#define ON_PATH(type, name, parameters, arguments, path, value) \
  type name parameters {                                        \
    NEXT(name);                                                 \
    return fails(#name, path) ? value : next arguments;         \
  }
#define ON_FILE(type, name, parameters, arguments, fd, value) \
  type name parameters {                                      \
    NEXT(name);                                               \
    return fails_on(#name, fd) ? value : next arguments;      \
  }
// What moves `size` bytes and may move fewer.
#define MOVES(name, parameters, arguments, fd) \
  ssize_t name parameters {                    \
    NEXT(name);                                \
    if (fails_on(#name, fd)) {                 \
      if (!halves) return -1;                  \
      size = (size + 1) / 2;                   \
    }                                          \
    return next arguments;                     \
  }

MOVES(read, (int fd, void* into, size_t size), (fd, into, size), fd)
MOVES(pread, (int fd, void* into, size_t size, off_t at), (fd, into, size, at), fd)
MOVES(write, (int fd, const void* from, size_t size), (fd, from, size), fd)
MOVES(pwrite, (int fd, const void* from, size_t size, off_t at), (fd, from, size, at), fd)
MOVES(copy_file_range, (int from, off_t* at, int fd, off_t* to, size_t size, unsigned flags),
      (from, at, fd, to, size, flags), fd)

ON_FILE(int, fstat, (int fd, struct stat* into), (fd, into), fd, -1)
ON_FILE(int, ftruncate, (int fd, off_t size), (fd, size), fd, -1)
ON_FILE(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), fd, -1)
ON_FILE(int, fsync, (int fd), (fd), fd, -1)
ON_FILE(int, sync_file_range, (int fd, off_t at, off_t size, unsigned flags), (fd, at, size, flags),
        fd, -1)
ON_FILE(int, fdatasync, (int fd), (fd), fd, -1)
ON_FILE(int, fchmod, (int fd, mode_t mode), (fd, mode), fd, -1)
ON_FILE(int, flock, (int fd, int operation), (fd, operation), fd, -1)
ON_FILE(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence), fd, -1)
ON_FILE(ssize_t, flistxattr, (int fd, char* into, size_t size), (fd, into, size), fd, -1)
ON_FILE(ssize_t, fgetxattr, (int fd, const char* name, void* into, size_t size),
        (fd, name, into, size), fd, -1)
ON_FILE(DIR*, fdopendir, (int fd), (fd), fd, NULL)
ON_FILE(struct dirent*, readdir, (DIR * folder), (folder), dirfd(folder), NULL)

ON_PATH(int, stat, (const char* path, struct stat* into), (path, into), path, -1)
ON_PATH(int, lstat, (const char* path, struct stat* into), (path, into), path, -1)
ON_PATH(int, fstatat, (int folder, const char* path, struct stat* into, int flags),
        (folder, path, into, flags), path, -1)
ON_PATH(int, faccessat, (int folder, const char* path, int mode, int flags),
        (folder, path, mode, flags), path, -1)
ON_PATH(DIR*, opendir, (const char* path), (path), path, NULL)
ON_PATH(ssize_t, readlink, (const char* path, char* into, size_t size), (path, into, size), path,
        -1)
ON_PATH(ssize_t, readlinkat, (int folder, const char* path, char* into, size_t size),
        (folder, path, into, size), path, -1)
ON_PATH(ssize_t, llistxattr, (const char* path, char* into, size_t size), (path, into, size), path,
        -1)
ON_PATH(ssize_t, lgetxattr, (const char* path, const char* name, void* into, size_t size),
        (path, name, into, size), path, -1)
ON_PATH(int, mkdir, (const char* path, mode_t mode), (path, mode), path, -1)
ON_PATH(int, rename, (const char* from, const char* path), (from, path), path, -1)
ON_PATH(int, renameat2, (int a, const char* from, int b, const char* path, unsigned flags),
        (a, from, b, path, flags), path, -1)
ON_PATH(int, rmdir, (const char* path), (path), path, -1)
ON_PATH(int, unlink, (const char* path), (path), path, -1)
ON_PATH(int, unlinkat, (int folder, const char* path, int flags), (folder, path, flags), path, -1)

int open(const char* path, int flags, ...) {
  NEXT(open);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return fails("open", path) ? -1 : next(path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
  NEXT(openat);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return fails("openat", path) ? -1 : next(folder, path, flags, mode);
}
int ioctl(int fd, unsigned long request, ...) {
  NEXT(ioctl);
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  return fails_on("ioctl", fd) ? -1 : next(fd, request, argument);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) {
  NEXT(pthread_create);
  if (fails("pthread_create", "")) return error_number;
  return next(thread, attributes, body, argument);
}

ON_PATH(void*, malloc, (size_t size), (size), "", NULL)
void* calloc(size_t number, size_t size) {
  NEXT(calloc);
  return fails("malloc", "") ? NULL : next(number, size);
}
void* realloc(void* memory, size_t size) {
  NEXT(realloc);
  return fails("malloc", "") ? NULL : next(memory, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  NEXT(aligned_alloc);
  return fails("malloc", "") ? NULL : next(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  NEXT(posix_memalign);
  return fails("malloc", "") ? ENOMEM : next(memory, alignment, size);
}
