// What the files of fake archives hold.
#include "tests/doubles/fake_archives.hpp"

#include <cstdio>
#include <sys/mman.h>
#include <unistd.h>

namespace alula::jobs {

tree_size fake_archives::size_of(const tree& files) {
  tree_size out;
  for (const auto& [path, content] : files) {
    ++out.files;
    out.bytes += static_cast<std::int64_t>(content.size());
  }
  return out;
}

std::string fake_archives::digits(std::size_t seed, std::size_t width) {
  std::string out;
  while (out.size() < width) {
    char piece[17];
    std::snprintf(piece, sizeof piece, "%016zx", seed);
    out += piece;
    seed = seed * 6364136223846793005U + 1442695040888963407U;
  }
  return out.substr(0, width);
}

fake_archives::stored fake_archives::make(const backup_id& backup,
                                          const server_id& server,
                                          const job_id& job, tree files) const {
  stored out;
  out.server = server;
  out.job = job;
  const auto size = size_of(files);
  std::string raw = "archive of " + backup.to_string();
  for (const auto& [path, content] : files)
    raw += between + path + between + content;
  out.file = file_of_text(raw);
  const auto seed = std::hash<std::string>{}(raw);
  out.facts = {.size = static_cast<std::int64_t>(raw.size()),
               .sha1 = digits(seed, 40),
               .sha256 = digits(seed, 64),
               .content_bytes = size.bytes,
               .files = size.files};
  out.modified_at = now;
  out.files = std::move(files);
  return out;
}

descriptor fake_archives::file_of_text(std::string_view text) {
  descriptor file{::memfd_create("fake", MFD_CLOEXEC)};
  while (!text.empty()) {
    const auto put = ::write(file.get(), text.data(), text.size());
    if (put <= 0)
      break;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return file;
}

std::string fake_archives::manifest_of(const backup_id& backup,
                                       const stored& of) {
  return "manifest " + backup.to_string() + ' '
         + (of.server.empty() ? "nobody's" : of.server.to_string()) + ' '
         + std::to_string(of.facts.size) + ' ' + std::to_string(of.modified_at)
         + ' ' + of.facts.sha1 + ' ' + of.facts.sha256 + ' '
         + std::to_string(of.facts.content_bytes) + ' '
         + std::to_string(of.facts.files)
         + (of.is_ours ? " ours\n" : " theirs\n");
}

descriptor fake_archives::reopen(const descriptor& file, int how) {
  return descriptor{
      ::open(("/proc/self/fd/" + std::to_string(file.get())).c_str(),
             how | O_CLOEXEC)};
}

std::string fake_archives::text_in(const descriptor& file) {
  std::string out;
  char piece[4096];
  for (off_t at = 0;;) {
    const auto got = ::pread(file.get(), piece, sizeof piece, at);
    if (got <= 0)
      return out;
    out.append(piece, static_cast<std::size_t>(got));
    at += got;
  }
}

fake_archives::tree fake_archives::tree_in(const std::string& raw) {
  tree out;
  auto at = raw.find(between);
  while (at != std::string::npos) {
    const auto path_end = raw.find(between, at + 1);
    if (path_end == std::string::npos)
      break;
    const auto end = raw.find(between, path_end + 1);
    out[raw.substr(at + 1, path_end - at - 1)] = raw.substr(
        path_end + 1, end == std::string::npos ? end : end - path_end - 1);
    at = end;
  }
  return out;
}

} // namespace alula::jobs
