/// What is done with every input of the manifest's fuzzer.
#pragma once

#include "backup/entry_line.hpp"
#include "backup/file_io.hpp"
#include "backup/manifest_header.hpp"
#include "backup/manifest_reader.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace alula::backup {

inline void read_whole_manifest(byte_view file) {
  file_descriptor fd{::memfd_create("manifest", MFD_CLOEXEC)};
  if (!write_all(fd.get(), file, "the input"))
    return;
  auto reader = manifest_reader::open(std::move(fd));
  if (!reader)
    return;
  std::string last;
  for (int i = 0; i < 10'000; ++i) {
    auto next = reader->next();
    if (!next || !*next)
      break;
    last = (*next)->path;
  }
  (void)reader->find(last);
  (void)reader->find_content(last);
  (void)reader->browse("", "", 100);
  (void)reader->browse(last.substr(0, last.rfind('/')), "", 100);
  (void)reader->members();
  (void)reader->notes();
}

/// Ends the program when a line of the usual shape is read as something else
/// than any other JSON of the same meaning, which a blank before it makes it.
inline void compare_readers(std::string_view line) {
  const auto usual = entry_from_line(line);
  const auto other = entry_from_line(" " + std::string{line});
  if (bool{usual} != bool{other} || (usual && !(*usual == *other)))
    std::abort();
}

/// A mutation seldom has the right checksums, so that the first byte chooses
/// where the rest goes in: a whole file, a header, or text that is put into a
/// manifest which is otherwise right.
inline void read_as_manifest(byte_view input) {
  if (input.empty())
    return;
  const auto rest = input.subspan(1);
  const auto text = text_of(rest);
  switch (std::to_integer<int>(input.front()) % 4) {
  case 0:
    read_whole_manifest(rest);
    return;
  case 1:
    (void)header_from(text);
    return;
  case 2: {
    std::string scratch;
    (void)path_of_line(text, scratch);
    compare_readers(text);
    return;
  }
  default:
    break;
  }
  // The text of an index, in which '@' stands for the block's length, a NUL,
  // and the text of the block.
  const auto cut = std::min(text.find('\0'), text.size());
  member_encoder encoder{compression::best_speed};
  bytes block;
  encoder.encode(view_of(text.substr(std::min(cut + 1, text.size()))), block);
  std::string lines{text.substr(0, cut)};
  for (auto at = lines.find('@'); at != std::string::npos && at < 4096;
       at = lines.find('@', at + 1))
    lines.replace(at, 1, std::to_string(block.size()));
  bytes index;
  encoder.encode(view_of(lines), index);
  manifest_facts facts;
  facts.archive.sha1 = std::string(40, '0');
  facts.archive.sha256 = std::string(64, '0');
  bytes file;
  encoder.encode(view_of(header_text(
                     facts, {index.size(), sha256_of(index), block.size()})),
                 file);
  file.insert(file.end(), index.begin(), index.end());
  file.insert(file.end(), block.begin(), block.end());
  read_whole_manifest(file);
}

} // namespace alula::backup
