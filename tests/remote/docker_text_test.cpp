#include "remote/docker_text.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace alula::remote;
using lines = std::vector<std::string>;

namespace {

lines cut(const std::string& text, std::size_t piece = 1'000'000) {
  line_cutter cutter;
  lines heard;
  const auto hear = [&](std::string_view line) { heard.emplace_back(line); };
  for (std::size_t at = 0; at < text.size(); at += piece)
    cutter.feed(std::string_view{text}.substr(at, piece), hear);
  cutter.finish(hear);
  return heard;
}

std::string frame(char stream, const std::string& text) {
  const auto n = text.size();
  std::string head{stream, '\0', '\0', '\0'};
  for (const int shift : {24, 16, 8, 0})
    head += static_cast<char>(n >> shift & 0xff);
  return head + text;
}

} // namespace

TEST_CASE("a console is cut at line ends of both kinds", "[remote]") {
  const std::string text = "one\r\ntwo\n\n\r\nthree";
  for (std::size_t piece = 1; piece <= text.size(); ++piece)
    CHECK(cut(text, piece) == lines{"one", "two", "three"});
}

TEST_CASE("a blank with a CR behind it is a line break inside", "[remote]") {
  const std::string text = "a \rb\rc \r\nd \r \re\r\n";
  const lines expected{"a\r\nb\rc ", "d\r\n\r\ne"};
  for (std::size_t piece = 1; piece <= text.size(); ++piece)
    CHECK(cut(text, piece) == expected);
}

TEST_CASE("a line of 64 KiB is whole, a longer one comes in pieces",
          "[remote]") {
  const std::string full(longest_line, 'x');
  CHECK(cut(full + "\r\n") == lines{full});
  for (const std::size_t piece : {1'000U, 65'536U, 1'000'000U})
    CHECK(cut(full + full + "tail\nnext\n", piece)
          == lines{full, full, "tail", "next"});
}

TEST_CASE("no character is cut in two", "[remote]") {
  for (int shift = 0; shift < 4; ++shift) {
    const auto text = std::string(static_cast<std::size_t>(shift), 'a') + [] {
      std::string out;
      while (out.size() < 2 * longest_line)
        out += "\xf0\x9f\x8e\xae";
      return out;
    }();
    std::string together;
    for (const auto& line : cut(text + "\n", 4'096)) {
      CHECK(line.size() <= longest_line);
      CHECK((static_cast<unsigned char>(line.front()) & 0xc0) != 0x80);
      together += line;
    }
    CHECK(together == text);
  }
}

TEST_CASE("bytes that are no text are cut all the same", "[remote]") {
  const std::string text(3 * longest_line, '\x80');
  std::size_t bytes = 0;
  for (const auto& line : cut(text, 777)) {
    CHECK(line.size() <= longest_line);
    bytes += line.size();
  }
  CHECK(bytes == text.size());
}

TEST_CASE("frames are taken apart, however they are cut", "[remote]") {
  const auto text = frame(1, "out") + frame(2, "") + frame(2, "err")
                    + frame(1, std::string(300, 'x'));
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    frame_splitter frames;
    std::string by_stream[3];
    for (std::size_t at = 0; at < text.size(); at += piece)
      REQUIRE(frames.feed(std::string_view{text}.substr(at, piece),
                          [&](int stream, std::string_view some) {
                            by_stream[stream] += some;
                          }));
    CHECK(by_stream[1] == "out" + std::string(300, 'x'));
    CHECK(by_stream[2] == "err");
  }
}

TEST_CASE("what are no frames is seen as such", "[remote]") {
  for (const auto& text : {std::string{"no frame at all"},
                           std::string("\x07\0\0\0\0\0\0\1x", 9)}) {
    frame_splitter frames;
    CHECK_FALSE(frames.feed(text, [](int, std::string_view) {}));
    CHECK_FALSE(frames.feed("more of it", [](int, std::string_view) {}));
  }
}

TEST_CASE("records are one per line, of a bounded length", "[remote]") {
  record_cutter records{10};
  lines heard;
  const auto hear = [&](std::string_view one) { heard.emplace_back(one); };
  CHECK(records.feed("{1}\n\r\n{2", hear));
  CHECK(records.feed("2}\r\n{3}\n", hear));
  CHECK(heard == lines{"{1}", "{22}\r", "{3}"});
  CHECK(records.feed("123456789", hear));
  CHECK_FALSE(records.feed("01", hear));
}
