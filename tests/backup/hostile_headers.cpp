// Archives with headers that lie: numbers, extensions, sparse maps.
#include "tests/backup/hostile_parts.hpp"

namespace alula::backup::hostile {

namespace {

using jobs::fault_code;

void add_numbers(list& out) {
  const auto spoil = [&](const char* name, const header_fields& f,
                         fault_code code, const char* says) {
    out.push_back({name, packed(tar_builder{}.add(f, "x")), code, says});
  };
  spoil("an exabyte", {.path = "a", .size = binary(1LL << 60)}, refused,
        "ratio");
  spoil("the largest size there is", {.path = "a", .size = binary(INT64_MAX)},
        refused, "ratio");
  spoil("a size of eight gigabytes", {.path = "a", .size = "77777777777"},
        refused, "ratio");
  spoil("a size a little too large", {.path = "a", .size = "00000100000"},
        damaged, "ends too early");
  spoil("a negative size", {.path = "a", .size = binary(-1)}, damaged,
        "negative");
  spoil("a size of letters", {.path = "a", .size = "12345abcdef"}, damaged,
        "numbers");
  spoil("a size beyond 64 bits",
        {.path = "a",
         .size = std::string("\x80\x7F", 2) + std::string(10, '\xFF')},
        damaged, "numbers");
  spoil("a mode of letters", {.path = "a", .mode = "rwxrwxr"}, damaged,
        "numbers");
  spoil("a wrong checksum", {.path = "a", .checksum_off_by = 1}, damaged,
        "checksum");
  out.push_back({"a negative pax size",
                 packed(tar_builder{}.pax(pax_record("size", "-1")).file("a")),
                 damaged, "size"});
  out.push_back({"a huge pax size",
                 packed(tar_builder{}
                            .pax(pax_record("size", "9223372036854775807"))
                            .file("a")),
                 refused, "ratio"});
  out.push_back({"two sizes that overflow",
                 packed(tar_builder{}
                            .pax(pax_record("size", "18446744073709551615"))
                            .file("a")),
                 damaged, "size"});
  out.push_back(
      {"a time before time",
       packed(tar_builder{}.add({.path = "a", .mtime = binary(-5)}, "x")),
       {},
       "",
       {"a"}});
  out.push_back({"a time after all times",
                 packed(tar_builder{}
                            .pax(pax_record("mtime", "99999999999999999.5"))
                            .file("a")),
                 {},
                 "",
                 {"a"}});
}

void add_extensions(list& out) {
  const auto spoil = [&](const char* name, const tar_builder& tar,
                         fault_code code, const char* says) {
    out.push_back({name, packed(tar), code, says});
  };
  spoil("a pax header of 2 MiB",
        tar_builder{}
            .pax(pax_record("comment", std::string(2 << 20, 'c')))
            .file("a"),
        refused, "larger than");
  tar_builder many;
  for (int i = 0; i < 3'000; ++i)
    many.pax(pax_record("comment", "c"));
  spoil("3,000 pax headers for one file", many.file("a"), refused,
        "larger than");
  spoil("a GNU name of 2 MiB",
        tar_builder{}.gnu_name(std::string(2 << 20, 'n')).file("a"), refused,
        "larger than");
  spoil("a global header of 2 MiB",
        tar_builder{}
            .pax(pax_record("comment", std::string(2 << 20, 'c')), 'g')
            .file("a"),
        refused, "larger than");
  spoil("a pax header whose size lies",
        tar_builder{}.pax("99 path=a\n").file("a"), damaged, "records");
  spoil("a pax header without records",
        tar_builder{}.pax("hello world").file("a"), damaged, "records");
  spoil("a pax record without a name", tar_builder{}.pax("5 =a\n").file("a"),
        damaged, "without a name");
  spoil("a pax record of no size", tar_builder{}.pax("0 a=b\n").file("a"),
        damaged, "records");
  spoil("a pax header at the end", tar_builder{}.pax(pax_record("path", "a")),
        damaged, "without an entry");
  spoil(
      "a pax header of an exabyte",
      tar_builder{}.add({.path = "p", .flag = 'x', .size = binary(1LL << 60)}),
      refused, "larger than");
}

void add_sparse(list& out) {
  const auto pax = [&](const char* name, const std::string& records,
                       std::string_view content, std::optional<fault_code> code,
                       const char* says) {
    out.push_back(
        {name, packed(tar_builder{}.pax(records).file("s", content)), code,
         says,
         code ? std::vector<std::string>{} : std::vector<std::string>{"s"}});
  };
  const auto one = [](const std::string& size) {
    return pax_record("GNU.sparse.major", "1")
           + pax_record("GNU.sparse.minor", "0")
           + pax_record("GNU.sparse.realsize", size);
  };
  pax("a sparse file of an exabyte", one("1000000000000000000"), filled("0\n"),
      refused, "17592186044416");
  pax("a hole of a terabyte",
      pax_record("GNU.sparse.size", "1099511627776")
          + pax_record("GNU.sparse.map", "1099511627775,1"),
      "x", {}, "");
  pax("a sparse piece beyond its file",
      pax_record("GNU.sparse.size", "10")
          + pax_record("GNU.sparse.map", "10,1"),
      "x", damaged, "sparse map");
  pax("sparse pieces that overlap",
      pax_record("GNU.sparse.size", "10")
          + pax_record("GNU.sparse.map", "0,2,1,2"),
      "abcd", damaged, "sparse map");
  pax("sparse pieces that overflow",
      pax_record("GNU.sparse.size", "10")
          + pax_record("GNU.sparse.map", "5,9223372036854775807"),
      "abcd", damaged, "sparse map");
  pax("a sparse map of an odd length",
      pax_record("GNU.sparse.size", "10") + pax_record("GNU.sparse.map", "1"),
      "", damaged, "map");
  pax("a sparse map of a billion pieces", one("10"), filled("1000000000\n"),
      refused, "sparse pieces");
  pax("a sparse map of letters", one("10"), filled("zwei\n"), damaged,
      "numbers");
  pax("a sparse map without an end", one("10"), std::string(512, '1'), damaged,
      "numbers");
  pax("a sparse map longer than its file", one("10"), "3\n1\n", damaged,
      "longer");
  pax("a small sparse file", one("5000"), filled("1\n4999\n1\n") + "x", {}, "");
  auto old =
      tar_builder::header({.path = "s", .flag = 'S', .magic = "ustar  "}, 0);
  std::memcpy(old.data() + 483, "77777777777", 11);
  out.push_back({"an old sparse file of eight gigabytes",
                 packed(tar_builder{}.raw(tar_builder::with_checksum(old))),
                 {},
                 "",
                 {"s"}});
  std::memset(old.data() + 483, '0', 11);
  old[482] = 1;
  std::string more(512, '\0');
  more[504] = 1;
  tar_builder endless;
  endless.raw(tar_builder::with_checksum(old));
  for (int i = 0; i < 1'000; ++i)
    endless.raw(more);
  out.push_back({"an old sparse map that does not end",
                 gzipped(endless.unfinished()), damaged, "ends too early"});
}

} // namespace

void add_headers(list& out) {
  add_numbers(out);
  add_extensions(out);
  add_sparse(out);
}

} // namespace alula::backup::hostile
