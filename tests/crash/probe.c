/* Does what its arguments say, one file-system call after the other, in the
 * current directory: "write a hello", "sync a", "rename a dir/b" …
 * shim_test.py runs it under the shim. Prints the number of calls done. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int with_file(const char* path, int flags, const char* text, long at) {
  const int fd = open(path, flags | O_CLOEXEC, 0644);
  if (fd < 0)
    return -1;
  int answer = 0;
  if (text)
    answer = at >= 0 ? (int)pwrite(fd, text, strlen(text), at)
                     : (int)write(fd, text, strlen(text));
  const int error = errno;
  close(fd);
  errno = error;
  return answer < 0 ? -1 : 0;
}

static int sync_path(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  const int answer = fsync(fd);
  const int error = errno;
  close(fd);
  errno = error;
  return answer;
}

static int resize(const char* path, long size) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  const int answer = ftruncate(fd, size);
  close(fd);
  return answer;
}

static int create_beneath(const char* path) {
  struct open_how how = {.flags = O_CREAT | O_WRONLY | O_CLOEXEC,
                         .mode = 0644,
                         .resolve = RESOLVE_BENEATH};
  const long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (fd < 0)
    return -1;
  close((int)fd);
  return 0;
}

static int run(const char* verb, const char* a, const char* b) {
  if (strcmp(verb, "write") == 0) /* replaces the contents */
    return with_file(a, O_WRONLY | O_CREAT | O_TRUNC, b, -1);
  if (strcmp(verb, "append") == 0)
    return with_file(a, O_WRONLY | O_APPEND, b, -1);
  if (strcmp(verb, "over") == 0) /* the first bytes only */
    return with_file(a, O_WRONLY, b, 0);
  if (strcmp(verb, "beneath") == 0)
    return create_beneath(a);
  if (strcmp(verb, "resize") == 0)
    return resize(a, atol(b));
  if (strcmp(verb, "sync") == 0)
    return sync_path(a);
  if (strcmp(verb, "mkdir") == 0)
    return mkdir(a, 0755);
  if (strcmp(verb, "rmdir") == 0)
    return rmdir(a);
  if (strcmp(verb, "unlink") == 0)
    return unlink(a);
  if (strcmp(verb, "rename") == 0)
    return rename(a, b);
  if (strcmp(verb, "link") == 0)
    return link(a, b);
  if (strcmp(verb, "chmod") == 0)
    return chmod(a, (mode_t)strtol(b, NULL, 8));
  errno = EINVAL;
  return -1;
}

int main(int count, char** words) {
  int done = 0;
  for (int i = 1; i + 2 < count; i += 3, ++done)
    if (run(words[i], words[i + 1], words[i + 2]) != 0) {
      printf("%d %s %s: %s\n", done, words[i], words[i + 1], strerror(errno));
      return 1;
    }
  printf("%d\n", done);
  return 0;
}
