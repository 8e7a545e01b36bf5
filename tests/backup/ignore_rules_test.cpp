#include "backup/ignore_rules.hpp"
#include "tests/backup/fuzz/ignore_fuzz.hpp"
#include "tests/doubles/places.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using alula::backup::ignore_rules;

namespace {

bool ignored(const std::string& patterns, const std::string& path) {
  return ignore_rules{patterns}.is_ignored(path);
}

} // namespace

TEST_CASE("patterns mean what they mean to Wings", "[ignore_rules]") {
  CHECK(ignored("logs/", "a/logs/x"));
  CHECK_FALSE(ignored("/logs", "a/logs/x"));
  CHECK(ignored("/logs", "logs/x"));
  CHECK(ignored("foo/bar", "x/foo/bar"));
  CHECK_FALSE(ignored("foo/*.txt", "x/foo/a.txt"));
  CHECK(ignored("foo/*.txt", "foo/a.txt"));
  CHECK_FALSE(ignored("?.txt", "a.txt"));
  CHECK(ignored("?.txt", "?.txt"));
  CHECK(ignored("[ab].txt", "a.txt"));
  CHECK_FALSE(ignored("[!a].txt", "b.txt"));
  CHECK(ignored("a+b", "aab"));
  CHECK_FALSE(ignored("a(b", "a(b"));
  CHECK(ignored("a|b", "b/c"));
  CHECK(ignored("a/**", "a"));
  CHECK(ignored("/", "anything/at/all"));
  CHECK_FALSE(ignored("*.jar", "x.jar.bak"));
  CHECK(ignored("*.jar", "plugins/x.jar"));
  CHECK_FALSE(ignored("world", "myworld/x"));
  CHECK_FALSE(ignored("world", "world2/x"));
  CHECK(ignored("world", "world/x"));
}

TEST_CASE("the last rule that matches decides", "[ignore_rules]") {
  CHECK_FALSE(ignored("dir/\n!dir/keep", "dir/keep"));
  CHECK(ignored("dir/\n!dir/keep", "dir/other"));
  CHECK(ignored("!dir/keep\ndir/", "dir/keep"));
  CHECK(ignored("*.log\n!latest.log\nlatest.log", "latest.log"));
}

TEST_CASE("two stars reach over directories", "[ignore_rules]") {
  CHECK(ignored("a/**/b", "a/b"));
  CHECK(ignored("a/**/b", "a/x/y/b"));
  CHECK(ignored("**/cache", "x/y/cache/z"));
  CHECK(ignored("**/cache", "cache"));
  CHECK(ignored("/**/cache", "x/cache"));
}

TEST_CASE("a star stays within one name", "[ignore_rules]") {
  CHECK(ignored("/a*z", "abcz"));
  CHECK_FALSE(ignored("/a*z", "ab/cz"));
  CHECK(ignored("a\\*b", "a*b"));
  CHECK_FALSE(ignored("a\\*b", "axb"));
}

TEST_CASE("comments, blanks and line ends are as in Wings", "[ignore_rules]") {
  CHECK_FALSE(ignored("#foo", "foo"));
  CHECK(ignored(" #foo", "foo"));
  CHECK(ignored("  foo  \r", "foo"));
  CHECK(ignored("foo\r\nbar\r\n", "bar"));
  CHECK(ignore_rules{"\n\r\n  \n# only words\n"}.empty());
  CHECK_FALSE(ignored("x\n!!x", "x"));
}

TEST_CASE("names that are no UTF-8 are matched byte by byte",
          "[ignore_rules]") {
  CHECK(ignored("*.txt", "caf\xe9.txt"));
  CHECK(ignored("caf\xe9*", "caf\xe9.txt"));
}

TEST_CASE("a line that is no pattern is dropped and named", "[ignore_rules]") {
  const ignore_rules rules{"a(b\n*.log"};
  REQUIRE(rules.dropped().size() == 1);
  CHECK(rules.dropped()[0] == "a(b");
  CHECK(rules.is_ignored("x.log"));
}

TEST_CASE("hostile patterns cost neither time nor memory", "[ignore_rules]") {
  CHECK_FALSE(ignored("(a*)*b", std::string(5000, 'a')));
  CHECK(ignore_rules{"a{1000}{1000}{1000}"}.empty());
  CHECK(ignore_rules{std::string(600, 'x')}.dropped().size() == 1);
  std::string many;
  for (int i = 0; i < 5000; ++i)
    many += "x" + std::to_string(i) + "\n";
  CHECK(ignore_rules{many}.is_ignored("x0"));
  CHECK_FALSE(ignore_rules{many}.is_ignored("x4999"));
}

TEST_CASE("the corpus of the ignore rules' fuzzer is read without harm",
          "[ignore_rules]") {
  using namespace alula::backup;
  int inputs = 0;
  for (const auto& each : std::filesystem::directory_iterator{
           alula::doubles::places::ignore_corpus}) {
    INFO(each.path());
    std::ifstream file{each.path(), std::ios::binary};
    const std::string input{std::istreambuf_iterator<char>{file}, {}};
    read_as_ignore_rules(view_of(input));
    ++inputs;
  }
  CHECK(inputs >= 20);
}

TEST_CASE("a line of names and stars means what its expression does",
          "[ignore_rules]") {
  using namespace alula::backup;
  // All lines and paths of a few signs that mean something.
  const std::string signs = "/*a.";
  std::string line;
  for (int which = 0; which < 4 * 4 * 4 * 4 * 4; which += 3) {
    line.clear();
    for (int rest = which, i = 0; i < 5; ++i, rest /= 4)
      line += signs[static_cast<std::size_t>(rest % 4)];
    const auto pattern = ignore_pattern::of(line);
    REQUIRE(pattern);
    const re2::RE2 expression{expression_of(line), re2::RE2::Latin1};
    for (const std::string path :
         {"a", "a/a", "aa", "a.a", ".", "a/", "/a", "a//a", "x/a/x", "a/x.a",
          "x", "", "a/b/c/a", "a\na", "a/\n/a", "xa/ax"}) {
      INFO(line << " and " << path);
      std::uint64_t steps = 0;
      REQUIRE(pattern->matches(path, steps)
              == re2::RE2::PartialMatch(path, expression));
    }
  }
}

TEST_CASE("a list of patterns costs as much memory as its text",
          "[ignore_rules]") {
  std::string stars;
  std::string classes;
  for (int i = 0; i < 100; ++i) {
    stars += "*" + std::to_string(i) + "*/**/*x*\n";
    classes += "[a-z]" + std::to_string(i) + "\n";
  }
  CHECK(ignore_rules{stars}.dropped().empty());
  // Expressions are few, whatever they are: each may take 128 KiB.
  CHECK(ignore_rules{classes}.dropped().size()
        == 100 - ignore_rules::max_expressions);
}
