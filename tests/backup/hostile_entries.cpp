// Archives with entries that mean harm by their names, links and kinds.
#include "tests/backup/hostile_parts.hpp"

namespace alula::backup::hostile {

namespace {

std::string deep(std::size_t depth) {
  std::string out;
  for (std::size_t i = 0; i < depth; ++i)
    out += "d/";
  return out + "f";
}

void add_names(list& out) {
  const auto refuse = [&](const char* name, const std::string& path,
                          const char* says = "\"..\"") {
    out.push_back({name, packed(tar_builder{}.file(path)), refused, says});
  };
  refuse("climbs up", "../outside");
  refuse("climbs up in the middle", "a/../../outside");
  refuse("climbs up and stays inside", "a/../b");
  refuse("climbs up at the end", "a/..");
  refuse("climbs up from the root", "/../outside");
  refuse("climbs up after a dot", "./../outside");
  refuse("climbs up between slashes", "a//..//../outside");
  refuse("is the parent", "..");
  refuse("has no name", "", "no name");
  refuse("is the root as a file", ".", "no name");
  refuse("is slashes only", "///", "no name");
  refuse("a file named like a directory", "a/", "name of a directory");
  out.push_back(
      {"climbs up by its prefix",
       packed(tar_builder{}.add({.path = "x", .prefix = "../.."}, "x")),
       refused, "\"..\""});
  out.push_back({"climbs up by a GNU long name",
                 packed(tar_builder{}.gnu_name("../x").file("innocent")),
                 refused, "\"..\""});
  out.push_back(
      {"climbs up by a pax name",
       packed(tar_builder{}.pax(pax_record("path", "../x")).file("i")), refused,
       "\"..\""});
  out.push_back({"climbs up by a sparse name",
                 packed(tar_builder{}
                            .pax(pax_record("GNU.sparse.name", "../x")
                                 + pax_record("GNU.sparse.size", "0"))
                            .file("i", "")),
                 refused, "\"..\""});
  out.push_back({"a directory that climbs up",
                 packed(tar_builder{}.directory("../x/")), refused, "\"..\""});
  out.push_back(
      {"a NUL in a pax name",
       packed(tar_builder{}
                  .pax(pax_record("path", std::string_view{"a\0b", 3}))
                  .file("i")),
       refused, "NUL"});
  out.push_back({"an empty pax name",
                 packed(tar_builder{}.pax(pax_record("path", "")).file("i")),
                 refused, "no name"});
  out.push_back(
      {"a name of 256 bytes",
       packed(tar_builder{}.gnu_name(std::string(256, 'n')).file("i")), refused,
       "255"});
  out.push_back(
      {"a path of 5,000 bytes",
       packed(tar_builder{}
                  .pax(pax_record("path", std::string(100, 'a') + "/"
                                              + std::string(4'900, '/') + "b"))
                  .file("i")),
       refused, "4095"});
  out.push_back({"10,000 directories deep",
                 packed(tar_builder{}.gnu_name(deep(10'000)).file("i")),
                 refused, "limit"});
  out.push_back({"1,025 names deep",
                 packed(tar_builder{}.gnu_name(deep(1'024)).file("i")), refused,
                 "1024"});
}

void add_odd_names(list& out) {
  const auto keep = [&](const char* name, const tar_builder& tar,
                        std::vector<std::string> leaves,
                        const char* says = "") {
    out.push_back({name, packed(tar), {}, says, std::move(leaves)});
  };
  keep("an absolute name", tar_builder{}.file("/etc/passwd"),
       {"etc", "etc/passwd"});
  keep("slashes and dots", tar_builder{}.file(".//a/.//./b"), {"a", "a/b"});
  keep("a newline", tar_builder{}.file("a\nb"), {"a\nb"});
  keep("not UTF-8", tar_builder{}.file("\xFF\xFE"), {"\xFF\xFE"});
  keep("two forms of one letter",
       tar_builder{}
           .pax(pax_record("path", "e\xCC\x81"))
           .file("i")
           .pax(pax_record("path", "\xC3\xA9"))
           .file("i"),
       {"e\xCC\x81", "\xC3\xA9"});
  keep("not UTF-8 in a pax name",
       tar_builder{}.pax(pax_record("path", "\xFFq")).file("i"), {"\xFFq"});
  keep("case tricks", tar_builder{}.file("A").file("a"), {"A", "a"});
  keep("three dots", tar_builder{}.file("..."), {"..."});
  keep("a backslash", tar_builder{}.file("..\\..\\x"), {"..\\..\\x"});
  keep("an escape sequence", tar_builder{}.file("\x1B[2J"), {"\x1B[2J"});
  keep("the root as a directory",
       tar_builder{}.directory("./").directory("/").file("a"), {"a"});
}

void add_links(list& out) {
  const auto keep = [&](const char* name, const tar_builder& tar,
                        std::vector<std::string> leaves, const char* says) {
    out.push_back({name, packed(tar), {}, says, std::move(leaves)});
  };
  const auto refuse = [&](const char* name, const tar_builder& tar,
                          const char* says) {
    out.push_back({name, packed(tar), refused, says});
  };
  keep("a link to a file outside", tar_builder{}.link("l", "/etc/passwd"),
       {"l"}, "leads out");
  keep("a link that climbs out", tar_builder{}.link("a/l", "../../x"),
       {"a", "a/l"}, "leads out");
  keep("a file through a link",
       tar_builder{}.link("l", "/tmp").file("l/planted"), {"l", "l/planted"},
       "something else has its name");
  keep("a file through a link that climbs",
       tar_builder{}.link("l", "..").file("l/planted"), {"l", "l/planted"},
       "something else has its name");
  keep("a file over a link", tar_builder{}.link("l", "/etc/passwd").file("l"),
       {"l"}, "something else has its name");
  keep("a link over a file", tar_builder{}.file("l").link("l", "a"), {"l"}, "");
  keep("a link over a link",
       tar_builder{}.link("l", "/etc").link("l", "inside"), {"l"}, "");
  keep("a link through a link",
       tar_builder{}.link("a", "/").link("a/b", "/etc"), {"a", "a/b"},
       "something else has its name");
  keep("links through links",
       tar_builder{}.link("a", ".").link("a/b", ".").link("a/b/c", "/etc"),
       {"a", "a/b", "a/b/c"}, "something else has its name");
  keep("a directory over a link",
       tar_builder{}.link("d", "/etc").directory("d/"), {"d"},
       "something else has its name");
  keep("a link to itself", tar_builder{}.link("l", "l"), {"l"}, "");
  refuse("a link to nothing", tar_builder{}.link("l", ""), "target");
  out.push_back(
      {"a NUL in a link",
       packed(tar_builder{}
                  .pax(pax_record("linkpath", std::string_view{"a\0b", 3}))
                  .link("l", "x")),
       refused, "target"});
  refuse("a link to 5,000 bytes",
         tar_builder{}.gnu_name(std::string(5'000, 't'), 'K').link("l", "x"),
         "target");
  refuse("a hard link that climbs up", tar_builder{}.hard_link("h", "../x"),
         "cannot be");
  keep("a hard link to a file outside",
       tar_builder{}.hard_link("h", "/etc/passwd"), {}, "not there");
  keep("a hard link to a link",
       tar_builder{}.link("l", "/etc/passwd").hard_link("h", "l"), {"h", "l"},
       "leads out");
  keep("a hard link through a link",
       tar_builder{}.link("l", "/etc").hard_link("h", "l/passwd"), {"l"},
       "not there");
  keep("a hard link to a directory",
       tar_builder{}.directory("d/").hard_link("h", "d"), {"d"}, "not there");
  keep("a hard link to itself", tar_builder{}.hard_link("h", "./h"), {},
       "to no file");
  keep("a hard link over a directory",
       tar_builder{}.file("f").directory("d/").hard_link("d", "f"), {"d", "f"},
       "something else has its name");
}

void add_kinds(list& out) {
  const auto skip = [&](const char* name, char flag, const char* says) {
    out.push_back({name,
                   packed(tar_builder{}.add({.path = "x", .flag = flag})),
                   {},
                   says});
  };
  skip("a character device", '3', "a device");
  skip("a block device", '4', "a device");
  skip("a fifo", '6', "a fifo");
  skip("an unknown kind", 'Q', "unknown kind");
  skip("a volume label", 'V', "unknown kind");
  out.push_back(
      {"an unknown kind with content",
       packed(tar_builder{}.add({.path = "x", .flag = 'Q'}, "junk").file("a")),
       {},
       "unknown kind",
       {"a"}});
  out.push_back(
      {"a set-user-id file",
       packed(tar_builder{}.add({.path = "s", .mode = "0006777"}, "x")),
       {},
       "set-id",
       {"s"}});
  out.push_back({"a set-group-id directory",
                 packed(tar_builder{}.add(
                     {.path = "s/", .flag = '5', .mode = "0003777"})),
                 {},
                 "set-id",
                 {"s"}});
  const auto change = [&](const char* name, const tar_builder& tar) {
    out.push_back({name, packed(tar), refused, "in the way", {}, true});
  };
  change("a directory over a file", tar_builder{}.file("a").directory("a/"));
  change("a file over a directory", tar_builder{}.directory("a/").file("a"));
  change("a file below a file", tar_builder{}.file("a").file("a/b"));
  change("a large file over a directory",
         tar_builder{}.directory("a/").file("a", std::string(300'000, 'x')));
  change("file, directory, link",
         tar_builder{}.file("a").directory("a/").link("a", "/"));
  out.push_back({"a file twice",
                 packed(tar_builder{}.file("a", "one").file("a", "two")),
                 {},
                 "",
                 {"a"}});
}

} // namespace

void add_entries(list& out) {
  add_names(out);
  add_odd_names(out);
  add_links(out);
  add_kinds(out);
}

} // namespace alula::backup::hostile
