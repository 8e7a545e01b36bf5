/* Stands between a program and its file system (LD_PRELOAD) and makes the disk
 * below one directory fail on purpose.
 *
 * Every call that changes something below ALULA_CRASH_WATCH is a numbered
 * point. At a point the shim can kill the process (ALULA_CRASH_KILL_AT) or let
 * calls fail (ALULA_CRASH_FAIL_AT, _FAIL_ERRNO, _FAIL_TIMES). For power cuts it
 * keeps, below ALULA_CRASH_STATE, what would undo each change that no fsync has
 * made durable yet; disk.py reads it after a kill and takes back what a disk
 * may have lost.
 *
 *   state/log     one line per point and per change, in order (see disk.py)
 *   state/saved   bytes that writes and truncations replaced
 *   state/grave/  what was unlinked, kept under a number; same file system
 *   state/points  the number of points passed, 8 bytes
 *
 * All changes go one after the other, under one lock, so the log has their
 * order. fsync and its kin are answered without touching the disk: the process
 * dies, not the kernel, so the page cache is the disk here.
 *
 * With ALULA_CRASH_ROOM (bytes) the disk of the volumes is that large, for who
 * asks before he writes: statvfs counts what lies in the volumes, the trash and
 * the staging directory below the watched one. Nothing fails for want of room
 * by that.
 *
 * Not seen: writes through stdio and mmap. The program uses neither for data
 * below the watched directory but SQLite's -shm, which is never durable and
 * left out. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define PATH_SIZE 8192

typedef long (*syscall_function)(long, ...);

static syscall_function sys;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char watch[PATH_SIZE];
static size_t watch_length;
static int is_on;
static int log_fd = -1, saved_fd = -1, grave_fd = -1;
static volatile uint64_t* points;
static uint64_t kill_at, fail_at, fail_times, graves, room;
static int fail_errno;

/* -- start ----------------------------------------------------------------- */

static uint64_t number(const char* name, uint64_t otherwise) {
  const char* text = getenv(name);
  return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static int open_state(const char* directory, const char* name, int flags) {
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  const int fd = (int)sys(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
  if (fd < 0) {
    perror(path);
    abort();
  }
  /* Out of the way of programs that count on small descriptors. */
  const int high = fcntl(fd, F_DUPFD_CLOEXEC, 700);
  sys(SYS_close, fd);
  return high;
}

static void start(void) {
  sys = (syscall_function)dlsym(RTLD_NEXT, "syscall");
  const char* directory = getenv("ALULA_CRASH_STATE");
  const char* below = getenv("ALULA_CRASH_WATCH");
  if (!directory || !below || !realpath(below, watch))
    return;
  watch_length = strlen(watch);
  log_fd = open_state(directory, "log", O_WRONLY | O_CREAT | O_APPEND);
  saved_fd = open_state(directory, "saved", O_RDWR | O_CREAT | O_APPEND);
  grave_fd = open_state(directory, "grave", O_RDONLY | O_DIRECTORY);
  const int fd = open_state(directory, "points", O_RDWR | O_CREAT);
  if (sys(SYS_ftruncate, fd, (long)sizeof(uint64_t)) != 0)
    abort();
  points =
      mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (points == MAP_FAILED)
    abort();
  *points = 0;
  kill_at = number("ALULA_CRASH_KILL_AT", 0);
  fail_at = number("ALULA_CRASH_FAIL_AT", 0);
  fail_times = number("ALULA_CRASH_FAIL_TIMES", 1);
  fail_errno = (int)number("ALULA_CRASH_FAIL_ERRNO", EIO);
  room = number("ALULA_CRASH_ROOM", 0);
  /* Lives share one state: names in the grave must not meet. */
  graves = (uint64_t)getpid() * 1000000;
  is_on = 1;
}

static int ready(void) {
  pthread_once(&once, start);
  return is_on;
}

/* -- the log --------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static void note(const char* format,
                                                       ...) {
  char line[PATH_SIZE];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length > 0)
    sys(SYS_write, log_fd, line,
        (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

static const char* hex(const char* name, char* out) {
  char* to = out;
  for (const unsigned char* at = (const unsigned char*)name; *at; ++at)
    to += sprintf(to, "%02x", *at);
  if (to == out)
    strcpy(out, "-");
  return out;
}

/* A point: true when the call shall fail, with errno set. */
static int point(const char* kind, const char* path) {
  const uint64_t n = ++*points;
  note("# %llu %s %s\n", (unsigned long long)n, kind, path);
  if (n == kill_at) {
    note("# killed\n");
    kill(getpid(), SIGKILL);
    for (;;) /* and the lock is never given back */
      pause();
  }
  if (fail_at && n >= fail_at && n < fail_at + fail_times) {
    note("# failed\n");
    errno = fail_errno;
    return 1;
  }
  return 0;
}

/* -- where a call goes ----------------------------------------------------- */

static int is_watched(const char* path) {
  if (strncmp(path, watch, watch_length) != 0
      || (path[watch_length] != '/' && path[watch_length] != '\0'))
    return 0;
  const size_t length = strlen(path);
  if (length > 4 && strcmp(path + length - 4, "-shm") == 0)
    return 0;
  return length <= 10 || strcmp(path + length - 10, " (deleted)") != 0;
}

static int path_of(int fd, char* path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const long length =
      sys(SYS_readlinkat, AT_FDCWD, link, path, PATH_SIZE - 300);
  if (length <= 0)
    return 0;
  path[length] = '\0';
  return 1;
}

/* An open file below the watched directory. */
struct file {
  char path[PATH_SIZE];
  struct stat stat;
};

static int find_file(int fd, struct file* found) {
  const int before = errno;
  const int is_found = path_of(fd, found->path) && is_watched(found->path)
                       && fstat(fd, &found->stat) == 0;
  errno = before;
  return is_found;
}

/* A name in a directory below the watched one. */
struct place {
  int fd; /* of the directory */
  ino_t inode;
  char name[256];
  char path[PATH_SIZE]; /* of the name */
  char hex[513];
};

static void leave(struct place* p) {
  const int before = errno;
  if (p->fd >= 0)
    sys(SYS_close, p->fd);
  p->fd = -1;
  errno = before;
}

static int find_place(int at, const char* path, struct place* found) {
  found->fd = -1;
  const int before = errno;
  if (!path || !*path || strlen(path) >= PATH_SIZE - 300)
    return 0;
  char parent[PATH_SIZE];
  strcpy(parent, path);
  size_t length = strlen(parent);
  while (length > 1 && parent[length - 1] == '/')
    parent[--length] = '\0';
  char* slash = strrchr(parent, '/');
  const char* name = slash ? slash + 1 : parent;
  if (strlen(name) > 255)
    return 0;
  strcpy(found->name, name);
  if (slash)
    slash[slash == parent ? 1 : 0] = '\0';
  found->fd = (int)sys(SYS_openat, at, slash ? parent : ".",
                       O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  struct stat stat;
  if (found->fd >= 0 && path_of(found->fd, found->path)
      && is_watched(found->path) && fstat(found->fd, &stat) == 0) {
    found->inode = stat.st_ino;
    strcat(found->path, "/");
    strcat(found->path, found->name);
    hex(found->name, found->hex);
    if (is_watched(found->path)) {
      errno = before;
      return 1;
    }
  }
  leave(found);
  errno = before;
  return 0;
}

static int stat_at(const struct place* p, struct stat* found) {
  const int before = errno;
  const int answer =
      fstatat(p->fd, p->name, found, AT_SYMLINK_NOFOLLOW) == 0 ? 1 : 0;
  errno = before;
  return answer;
}

/* -- what would undo a change ---------------------------------------------- */

/* The bytes from `offset` to `end` that are about to be replaced, and the size
 * that is about to change. `fd` may be write-only: the file is opened again. */
static void save_bytes(const struct file* f, off_t offset, off_t end) {
  const off_t size = f->stat.st_size;
  if (end > size)
    end = size;
  const off_t from = lseek(saved_fd, 0, SEEK_END);
  long long kept = 0;
  const int fd = end > offset ? (int)sys(SYS_openat, AT_FDCWD, f->path,
                                         O_RDONLY | O_CLOEXEC, 0)
                              : -1;
  char buffer[65536];
  while (fd >= 0 && offset + kept < end) {
    size_t want = sizeof buffer;
    if (end - offset - kept < (off_t)want)
      want = (size_t)(end - offset - kept);
    const long got = sys(SYS_pread64, fd, buffer, want, offset + kept);
    if (got <= 0 || sys(SYS_write, saved_fd, buffer, got) != got)
      break;
    kept += got;
  }
  if (fd >= 0)
    sys(SYS_close, fd);
  note("W %llu %lld %lld %lld %lld\n", (unsigned long long)f->stat.st_ino,
       (long long)offset, (long long)size, (long long)from, kept);
}

static void save_mode(const struct stat* s) {
  note("M %llu %o %u %u\n", (unsigned long long)s->st_ino, s->st_mode & 07777,
       s->st_uid, s->st_gid);
}

/* Keeps what a name stands for, so that it can come back: files by one more
 * link, empty directories by moving them there. 0: nothing could be kept. */
static uint64_t bury_file(const struct place* p) {
  char name[32];
  snprintf(name, sizeof name, "%llu", (unsigned long long)++graves);
  return sys(SYS_linkat, p->fd, p->name, grave_fd, name, 0) == 0 ? graves : 0;
}

static int is_empty_directory(const struct place* p) {
  const int fd = (int)sys(SYS_openat, p->fd, p->name,
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd < 0)
    return 0;
  char buffer[4096];
  int names = 0;
  for (;;) {
    const long got = sys(SYS_getdents64, fd, buffer, sizeof buffer);
    if (got <= 0)
      break;
    for (long at = 0; at < got; ++names) {
      unsigned short length;
      memcpy(&length, buffer + at + 16, sizeof length);
      at += length;
    }
  }
  sys(SYS_close, fd);
  return names <= 2;
}

/* -- opening --------------------------------------------------------------- */

typedef long (*opener)(int at, const char* path, const void* how);

static long plain_open(int at, const char* path, const void* how) {
  const struct open_how* h = how;
  return sys(SYS_openat, at, path, (long)h->flags, (long)h->mode);
}

static long beneath_open(int at, const char* path, const void* how) {
  return sys(SYS_openat2, at, path, how, sizeof(struct open_how));
}

static long watched_open(int at, const char* path, const struct open_how* how,
                         opener open_it) {
  const uint64_t flags = how->flags;
  const int may_create = (flags & O_CREAT) != 0;
  const int truncates = (flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY;
  struct place p;
  if ((!may_create && !truncates) || !ready() || !find_place(at, path, &p))
    return open_it(at, path, how);
  pthread_mutex_lock(&lock);
  struct file before;
  const int is_there = stat_at(&p, &before.stat);
  const int empties = is_there && truncates && S_ISREG(before.stat.st_mode)
                      && before.stat.st_size > 0;
  long fd = -1;
  if ((is_there && !empties)
      || !point(is_there ? "truncate" : "create", p.path)) {
    if (empties) {
      strcpy(before.path, p.path);
      save_bytes(&before, 0, before.stat.st_size);
    }
    fd = open_it(at, path, how);
    struct stat now;
    if (fd >= 0 && !is_there && stat_at(&p, &now))
      note("C %llu %s %llu\n", (unsigned long long)p.inode, p.hex,
           (unsigned long long)now.st_ino);
  }
  pthread_mutex_unlock(&lock);
  leave(&p);
  return fd;
}

static int open_with(int at, const char* path, int flags, mode_t mode) {
  ready();
  struct open_how how = {.flags = (uint64_t)(unsigned)flags, .mode = mode};
  return (int)watched_open(at, path, &how, plain_open);
}

#define MODE_ARGUMENT(flags)                                                   \
  mode_t mode = 0;                                                             \
  if (flags & (O_CREAT | __O_TMPFILE)) {                                       \
    va_list arguments;                                                         \
    va_start(arguments, flags);                                                \
    mode = va_arg(arguments, mode_t);                                          \
    va_end(arguments);                                                         \
  }

EXPORT int open(const char* path, int flags, ...) {
  MODE_ARGUMENT(flags)
  return open_with(AT_FDCWD, path, flags, mode);
}
EXPORT int open64(const char* path, int flags, ...) {
  MODE_ARGUMENT(flags)
  return open_with(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
EXPORT int openat(int at, const char* path, int flags, ...) {
  MODE_ARGUMENT(flags)
  return open_with(at, path, flags, mode);
}
EXPORT int openat64(int at, const char* path, int flags, ...) {
  MODE_ARGUMENT(flags)
  return open_with(at, path, flags | O_LARGEFILE, mode);
}
EXPORT int creat(const char* path, mode_t mode) {
  return open_with(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
EXPORT int __open_2(const char* path, int flags) {
  return open_with(AT_FDCWD, path, flags, 0);
}
EXPORT int __openat_2(int at, const char* path, int flags) {
  return open_with(at, path, flags, 0);
}

/* The stream itself is libc's; only that the file is made or emptied is ours.
 * Closing the descriptor again keeps the stream's own flags right. */
static FILE* open_stream(const char* path, const char* mode,
                         const char* symbol) {
  FILE* (*real)(const char*, const char*) =
      (FILE * (*)(const char*, const char*)) dlsym(RTLD_NEXT, symbol);
  if (ready() && (mode[0] == 'w' || mode[0] == 'a')) {
    const int flags =
        O_WRONLY | O_CREAT | O_CLOEXEC | (mode[0] == 'w' ? O_TRUNC : O_APPEND);
    const int fd = open_with(AT_FDCWD, path, flags, 0666);
    if (fd < 0)
      return NULL;
    sys(SYS_close, fd);
  }
  return real(path, mode);
}
EXPORT FILE* fopen(const char* path, const char* mode) {
  return open_stream(path, mode, "fopen");
}
EXPORT FILE* fopen64(const char* path, const char* mode) {
  return open_stream(path, mode, "fopen64");
}

/* -- data ------------------------------------------------------------------ */

static int starts_write(int fd, struct file* f, off_t offset, size_t length,
                        const char* kind) {
  pthread_mutex_lock(&lock);
  if (point(kind, f->path))
    return 0;
  fstat(fd, &f->stat); /* as it is now that the lock is ours */
  if (offset < 0) {
    const int flags = fcntl(fd, F_GETFL);
    offset = flags & O_APPEND ? f->stat.st_size : lseek(fd, 0, SEEK_CUR);
  }
  save_bytes(f, offset, offset + (off_t)length);
  return 1;
}

#define DATA_CALL(kind, offset, length, call)                                  \
  struct file f;                                                               \
  if (!ready() || !find_file(fd, &f) || !S_ISREG(f.stat.st_mode))              \
    return call;                                                               \
  ssize_t answer = -1;                                                         \
  if (starts_write(fd, &f, offset, length, kind))                              \
    answer = call;                                                             \
  pthread_mutex_unlock(&lock);                                                 \
  return answer;

static size_t total(const struct iovec* parts, int count) {
  size_t sum = 0;
  for (int i = 0; i < count; ++i)
    sum += parts[i].iov_len;
  return sum;
}

EXPORT ssize_t write(int fd, const void* data, size_t length){
    DATA_CALL("write", -1, length,
              sys(SYS_write, fd, data, length))} EXPORT ssize_t
    pwrite(int fd, const void* data, size_t length, off_t offset){
        DATA_CALL("write", offset, length,
                  sys(SYS_pwrite64, fd, data, length, offset))} EXPORT ssize_t
    pwrite64(int fd, const void* data, size_t length, off64_t offset){
        DATA_CALL("write", offset, length,
                  sys(SYS_pwrite64, fd, data, length, offset))} EXPORT ssize_t
    writev(int fd, const struct iovec* parts, int count){
        DATA_CALL("write", -1, total(parts, count),
                  sys(SYS_writev, fd, parts, count))} EXPORT ssize_t
    pwritev(int fd, const struct iovec* parts, int count,
            off_t offset){DATA_CALL("write", offset, total(parts, count),
                                    sys(SYS_pwritev, fd, parts, count, offset,
                                        0L))} EXPORT ssize_t
    pwritev64(int fd, const struct iovec* parts, int count, off64_t offset) {
  DATA_CALL("write", offset, total(parts, count),
            sys(SYS_pwritev, fd, parts, count, offset, 0L))
}

static int resize(int fd, off_t size) {
  struct file f;
  if (!ready() || !find_file(fd, &f))
    return (int)sys(SYS_ftruncate, fd, size);
  pthread_mutex_lock(&lock);
  int answer = -1;
  if (!point("truncate", f.path)) {
    fstat(fd, &f.stat);
    save_bytes(&f, size, f.stat.st_size);
    answer = (int)sys(SYS_ftruncate, fd, size);
  }
  pthread_mutex_unlock(&lock);
  return answer;
}
EXPORT int ftruncate(int fd, off_t size) {
  return resize(fd, size);
}
EXPORT int ftruncate64(int fd, off64_t size) {
  return resize(fd, size);
}
static int resize_path(const char* path, off_t size) {
  const int fd = open_with(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  const int answer = resize(fd, size);
  const int error = errno;
  sys(SYS_close, fd);
  errno = error;
  return answer;
}
EXPORT int truncate(const char* path, off_t size) {
  return resize_path(path, size);
}
EXPORT int truncate64(const char* path, off64_t size) {
  return resize_path(path, size);
}

static int allocate(int fd, int mode, off_t offset, off_t length) {
  struct file f;
  if (!ready() || !find_file(fd, &f))
    return (int)sys(SYS_fallocate, fd, mode, offset, length);
  pthread_mutex_lock(&lock);
  int answer = -1;
  if (!point("fallocate", f.path)) {
    fstat(fd, &f.stat);
    save_bytes(&f, offset, offset + length);
    answer = (int)sys(SYS_fallocate, fd, mode, offset, length);
  }
  pthread_mutex_unlock(&lock);
  return answer;
}
EXPORT int fallocate(int fd, int mode, off_t offset, off_t length) {
  return allocate(fd, mode, offset, length);
}
EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  return allocate(fd, mode, offset, length);
}
static int allocate_posix(int fd, off_t offset, off_t length) {
  const int before = errno;
  const int error = allocate(fd, 0, offset, length) == 0 ? 0 : errno;
  errno = before;
  return error;
}
EXPORT int posix_fallocate(int fd, off_t offset, off_t length) {
  return allocate_posix(fd, offset, length);
}
EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t length) {
  return allocate_posix(fd, offset, length);
}

/* -- durability ------------------------------------------------------------ */

static int make_durable(int fd, long call, const char* kind) {
  struct file f;
  if (!ready() || !find_file(fd, &f))
    return (int)sys(call, fd);
  pthread_mutex_lock(&lock);
  int answer = -1;
  if (!point(kind, f.path)) {
    if (call == SYS_syncfs)
      note("B\n");
    else
      note("S %llu\n", (unsigned long long)f.stat.st_ino);
    answer = 0;
  }
  pthread_mutex_unlock(&lock);
  return answer;
}
EXPORT int fsync(int fd) {
  return make_durable(fd, SYS_fsync, "fsync");
}
EXPORT int fdatasync(int fd) {
  return make_durable(fd, SYS_fdatasync, "fsync");
}
EXPORT int syncfs(int fd) {
  return make_durable(fd, SYS_syncfs, "syncfs");
}
/* Promises nothing (sync_file_range(2)), so it is a point and no more. */
EXPORT int sync_file_range(int fd, off64_t offset, off64_t length,
                           unsigned flags) {
  struct file f;
  if (!ready() || !find_file(fd, &f))
    return (int)sys(SYS_sync_file_range, fd, offset, length, flags);
  pthread_mutex_lock(&lock);
  const int answer = point("sync_file_range", f.path) ? -1 : 0;
  pthread_mutex_unlock(&lock);
  return answer;
}

/* -- names ----------------------------------------------------------------- */

static int watched_rename(int from_at, const char* from, int to_at,
                          const char* to, unsigned flags) {
  struct place a, b;
  if (!ready() || !find_place(from_at, from, &a))
    return (int)sys(SYS_renameat2, from_at, from, to_at, to, flags);
  if (!find_place(to_at, to, &b)) {
    note("# rename out of the watched directory: %s\n", a.path);
    leave(&a);
    return (int)sys(SYS_renameat2, from_at, from, to_at, to, flags);
  }
  pthread_mutex_lock(&lock);
  int answer = -1;
  if (!point("rename", a.path)) {
    struct stat moved, replaced;
    uint64_t grave = 0;
    const int is_there = stat_at(&a, &moved);
    const int replaces = is_there && !flags && stat_at(&b, &replaced)
                         && replaced.st_ino != moved.st_ino;
    if (replaces && !S_ISDIR(replaced.st_mode))
      grave = bury_file(&b);
    answer = (int)sys(SYS_renameat2, a.fd, a.name, b.fd, b.name, flags);
    if (answer == 0)
      note("R %llu %s %llu %s %llu %llu\n", (unsigned long long)a.inode, a.hex,
           (unsigned long long)b.inode, b.hex, (unsigned long long)moved.st_ino,
           (unsigned long long)grave);
  }
  pthread_mutex_unlock(&lock);
  leave(&a);
  leave(&b);
  return answer;
}
EXPORT int rename(const char* from, const char* to) {
  return watched_rename(AT_FDCWD, from, AT_FDCWD, to, 0);
}
EXPORT int renameat(int from_at, const char* from, int to_at, const char* to) {
  return watched_rename(from_at, from, to_at, to, 0);
}
EXPORT int renameat2(int from_at, const char* from, int to_at, const char* to,
                     unsigned flags) {
  return watched_rename(from_at, from, to_at, to, flags);
}

/* The kernel's own answer for everything that would not have worked; an empty
 * directory is moved into the grave instead of being removed. */
static int watched_unlink(int at, const char* path, int flags) {
  struct place p;
  if (!ready() || !find_place(at, path, &p))
    return (int)sys(SYS_unlinkat, at, path, flags);
  pthread_mutex_lock(&lock);
  int answer = -1;
  if (!point(flags & AT_REMOVEDIR ? "rmdir" : "unlink", p.path)) {
    struct stat gone;
    const int is_there = stat_at(&p, &gone);
    uint64_t grave = 0;
    if (is_there && (flags & AT_REMOVEDIR) && S_ISDIR(gone.st_mode)
        && is_empty_directory(&p)) {
      char name[32];
      snprintf(name, sizeof name, "%llu", (unsigned long long)++graves);
      answer = (int)sys(SYS_renameat2, p.fd, p.name, grave_fd, name, 0);
      grave = graves;
    } else {
      if (is_there && !(flags & AT_REMOVEDIR) && !S_ISDIR(gone.st_mode))
        grave = bury_file(&p);
      answer = (int)sys(SYS_unlinkat, p.fd, p.name, flags);
    }
    if (answer == 0)
      note("U %llu %s %llu %llu\n", (unsigned long long)p.inode, p.hex,
           (unsigned long long)gone.st_ino, (unsigned long long)grave);
  }
  pthread_mutex_unlock(&lock);
  leave(&p);
  return answer;
}
EXPORT int unlink(const char* path) {
  return watched_unlink(AT_FDCWD, path, 0);
}
EXPORT int unlinkat(int at, const char* path, int flags) {
  return watched_unlink(at, path, flags);
}
EXPORT int rmdir(const char* path) {
  return watched_unlink(AT_FDCWD, path, AT_REMOVEDIR);
}
EXPORT int remove(const char* path) {
  struct stat found;
  if (lstat(path, &found) != 0)
    return -1;
  return watched_unlink(AT_FDCWD, path,
                        S_ISDIR(found.st_mode) ? AT_REMOVEDIR : 0);
}

/* A new name: made by `call`, which sees the directory and the bare name. */
#define NEW_NAME(kind, at, path, plain, call)                                  \
  struct place p;                                                              \
  if (!ready() || !find_place(at, path, &p))                                   \
    return (int)plain;                                                         \
  pthread_mutex_lock(&lock);                                                   \
  int answer = -1;                                                             \
  if (!point(kind, p.path)) {                                                  \
    answer = (int)call;                                                        \
    struct stat made;                                                          \
    if (answer == 0 && stat_at(&p, &made))                                     \
      note("C %llu %s %llu\n", (unsigned long long)p.inode, p.hex,             \
           (unsigned long long)made.st_ino);                                   \
  }                                                                            \
  pthread_mutex_unlock(&lock);                                                 \
  leave(&p);                                                                   \
  return answer;

EXPORT int mkdirat(int at, const char* path, mode_t mode){
    NEW_NAME("mkdir", at, path, sys(SYS_mkdirat, at, path, mode),
             sys(SYS_mkdirat, p.fd, p.name, mode))} EXPORT
    int mkdir(const char* path, mode_t mode) {
  return mkdirat(AT_FDCWD, path, mode);
}
EXPORT int symlinkat(const char* target, int at, const char* path){
    NEW_NAME("symlink", at, path, sys(SYS_symlinkat, target, at, path),
             sys(SYS_symlinkat, target, p.fd, p.name))} EXPORT
    int symlink(const char* target, const char* path) {
  return symlinkat(target, AT_FDCWD, path);
}
EXPORT int linkat(int from_at, const char* from, int at, const char* path,
                  int flags){
    NEW_NAME("link", at, path, sys(SYS_linkat, from_at, from, at, path, flags),
             sys(SYS_linkat, from_at, from, p.fd, p.name, flags))} EXPORT
    int link(const char* from, const char* path) {
  return linkat(AT_FDCWD, from, AT_FDCWD, path, 0);
}

/* -- owners and modes ------------------------------------------------------ */

#define OPEN_FILE_CHANGE(kind, call)                                           \
  struct file f;                                                               \
  if (!ready() || !find_file(fd, &f))                                          \
    return (int)call;                                                          \
  pthread_mutex_lock(&lock);                                                   \
  int answer = -1;                                                             \
  if (!point(kind, f.path)) {                                                  \
    save_mode(&f.stat);                                                        \
    answer = (int)call;                                                        \
  }                                                                            \
  pthread_mutex_unlock(&lock);                                                 \
  return answer;

#define NAMED_FILE_CHANGE(kind, at, path, call)                                \
  struct place p;                                                              \
  if (!ready() || !find_place(at, path, &p))                                   \
    return (int)call;                                                          \
  pthread_mutex_lock(&lock);                                                   \
  int answer = -1;                                                             \
  if (!point(kind, p.path)) {                                                  \
    struct stat before;                                                        \
    if (stat_at(&p, &before))                                                  \
      save_mode(&before);                                                      \
    answer = (int)call;                                                        \
  }                                                                            \
  pthread_mutex_unlock(&lock);                                                 \
  leave(&p);                                                                   \
  return answer;

EXPORT int fchmod(int fd, mode_t mode){
    OPEN_FILE_CHANGE("chmod", sys(SYS_fchmod, fd, mode))} EXPORT
    int fchown(int fd, uid_t uid, gid_t gid){
        OPEN_FILE_CHANGE("chown", sys(SYS_fchown, fd, uid, gid))} EXPORT
    int chmod(const char* path, mode_t mode){
        NAMED_FILE_CHANGE("chmod", AT_FDCWD, path,
                          sys(SYS_fchmodat, AT_FDCWD, path, mode))} EXPORT
    int chown(const char* path, uid_t uid,
              gid_t gid){NAMED_FILE_CHANGE("chown", AT_FDCWD, path,
                                           sys(SYS_fchownat, AT_FDCWD, path,
                                               uid, gid, 0))} EXPORT
    int lchown(const char* path, uid_t uid, gid_t gid){
        NAMED_FILE_CHANGE("chown", AT_FDCWD, path,
                          sys(SYS_fchownat, AT_FDCWD, path, uid, gid,
                              AT_SYMLINK_NOFOLLOW))} EXPORT
    int fchownat(int at, const char* path, uid_t uid, gid_t gid, int flags) {
  NAMED_FILE_CHANGE("chown", at, path,
                    sys(SYS_fchownat, at, path, uid, gid, flags))
}

/* -- how large the disk is --------------------------------------------------
 */

static __thread uint64_t in_use;

static int add_file(const char* path, const struct stat* found, int type,
                    struct FTW* place) {
  (void)path, (void)place;
  if (type == FTW_F)
    in_use += (uint64_t)found->st_blocks * 512;
  return 0;
}

static int small_disk(int fd, struct statvfs* found) {
  typedef int (*function)(int, struct statvfs*);
  const function real = (function)dlsym(RTLD_NEXT, "fstatvfs");
  const int answer = real(fd, found);
  struct file f;
  if (answer != 0 || !ready() || room == 0 || !find_file(fd, &f))
    return answer;
  static const char* const counted[] = {"volumes", ".trash", ".staging"};
  int is_there = 0;
  in_use = 0;
  for (size_t i = 0; i < sizeof counted / sizeof *counted; ++i) {
    char path[PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/%s", watch, counted[i]);
    const size_t length = strlen(path);
    is_there |= strncmp(f.path, path, length) == 0
                && (f.path[length] == '/' || f.path[length] == '\0');
    nftw(path, add_file, 16, FTW_PHYS);
  }
  if (!is_there) /* the ledger and the backups have a disk of their own */
    return answer;
  found->f_frsize = found->f_bsize = 512;
  found->f_blocks = room / 512;
  found->f_bfree = found->f_bavail = (room > in_use ? room - in_use : 0) / 512;
  return 0;
}

EXPORT int fstatvfs(int fd, struct statvfs* found) {
  return small_disk(fd, found);
}
EXPORT int fstatvfs64(int fd, struct statvfs64* found) {
  return small_disk(fd, (struct statvfs*)found); /* the same on this machine */
}

/* -- raw calls ------------------------------------------------------------- */

EXPORT long syscall(long call, ...) {
  va_list arguments;
  va_start(arguments, call);
  long a[6];
  for (int i = 0; i < 6; ++i)
    a[i] = va_arg(arguments, long);
  va_end(arguments);
  ready();
  switch (call) {
  case SYS_openat2:
    return watched_open((int)a[0], (const char*)a[1],
                        (const struct open_how*)a[2], beneath_open);
  case SYS_renameat2:
    return watched_rename((int)a[0], (const char*)a[1], (int)a[2],
                          (const char*)a[3], (unsigned)a[4]);
  case SYS_unlinkat:
    return watched_unlink((int)a[0], (const char*)a[1], (int)a[2]);
  case SYS_fsync:
  case SYS_fdatasync:
    return fsync((int)a[0]);
  case SYS_syncfs:
    return syncfs((int)a[0]);
  default:
    return sys(call, a[0], a[1], a[2], a[3], a[4], a[5]);
  }
}
