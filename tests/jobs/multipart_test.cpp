// Bodies of forms, whole, cut and hostile.
#include "jobs/multipart.hpp"
#include "tests/doubles/transfer_form.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace alula::jobs;
using alula::doubles::forms::last;
using alula::doubles::forms::mark;
using alula::doubles::forms::part;

namespace {

using fields = std::vector<std::pair<std::string, std::string>>;

/// Gives the text in pieces of these sizes, the last of them again and again.
multipart_reader::source in_pieces(std::string text,
                                   std::vector<std::size_t> sizes) {
  return [text = std::move(text), sizes = std::move(sizes), at = std::size_t{0},
          turn = std::size_t{0}](
             std::span<char> into) mutable -> result<std::size_t> {
    const auto size = std::min({into.size(), text.size() - at,
                                sizes[std::min(turn++, sizes.size() - 1)]});
    std::copy_n(text.data() + at, size, into.data());
    at += size;
    return size;
  };
}

result<fields> all_of(multipart_reader& reader) {
  fields out;
  for (;;) {
    const auto part = reader.next();
    if (!part)
      return part.error();
    if (!*part)
      return out;
    out.emplace_back((*part)->name, "");
    for (;;) {
      const auto piece = reader.read();
      if (!piece)
        return piece.error();
      if (piece->empty())
        break;
      out.back().second += *piece;
    }
  }
}

result<fields> read_in(const std::string& text,
                       std::vector<std::size_t> sizes = {1'000'000}) {
  multipart_reader reader{mark, in_pieces(text, std::move(sizes))};
  return all_of(reader);
}

/// What is wrong with it, however it is cut.
std::string complaint(const std::string& text) {
  std::string said;
  for (const std::size_t size : {1, 7, 1'000'000}) {
    const auto got = read_in(text, {size});
    if (got)
      return "nothing is wrong";
    CHECK(got.error().code == fault_code::malformed);
    CHECK((said.empty() || said == got.error().what));
    said = got.error().what;
  }
  return said;
}

bool says(const std::string& text, const std::string& words) {
  const auto said = complaint(text);
  INFO(said);
  return said.find(words) != std::string::npos;
}

} // namespace

TEST_CASE("a form is read part by part", "[multipart]") {
  const auto text =
      part("archive", "bytes\r\n--of it") + part("checksum", "ab") + last;
  const auto got = read_in(text);
  REQUIRE(got);
  CHECK(*got == fields{{"archive", "bytes\r\n--of it"}, {"checksum", "ab"}});
}

TEST_CASE("a form may be cut at every byte", "[multipart]") {
  // Beginnings of a boundary inside, which are none.
  const auto content = "a\r\n--" + mark.substr(0, mark.size() - 1) + "\r\r\n\n";
  const auto text = part("archive", content) + part("checksum", "") + last;
  const fields expected{{"archive", content}, {"checksum", ""}};
  for (std::size_t at = 1; at < text.size(); ++at) {
    INFO("cut at " << at);
    const auto got = read_in(text, {at, 1'000'000});
    REQUIRE(got);
    CHECK(*got == expected);
  }
  const auto got = read_in(text, {1});
  REQUIRE(got);
  CHECK(*got == expected);
}

TEST_CASE("a form that ends at any byte before its last boundary is broken",
          "[multipart]") {
  const auto text =
      part("archive", "content") + part("checksum", "ab") + "--" + mark + "--";
  REQUIRE(read_in(text));
  for (std::size_t length = 0; length < text.size(); ++length) {
    INFO("the first " << length);
    const auto got = read_in(text.substr(0, length));
    REQUIRE_FALSE(got);
    CHECK(got.error().code == fault_code::malformed);
  }
}

TEST_CASE("content of any size comes in pieces", "[multipart]") {
  std::string content(std::size_t{3} << 20, 'x');
  for (std::size_t i = 0; i < content.size(); i += 97)
    content[i] = '\n';
  multipart_reader reader{mark,
                          in_pieces(part("archive", content) + last, {8'191})};
  REQUIRE(reader.next().value());
  std::string got;
  std::size_t largest = 0;
  for (;;) {
    const auto piece = reader.read();
    REQUIRE(piece);
    if (piece->empty())
      break;
    largest = std::max(largest, piece->size());
    got += *piece;
  }
  CHECK(got == content);
  CHECK(largest <= std::size_t{128} << 10);
  CHECK_FALSE(reader.next().value());
  CHECK_FALSE(reader.next().value());
}

TEST_CASE("a part may be skipped, and read to its end twice", "[multipart]") {
  multipart_reader reader{mark, in_pieces(part("a", std::string(200'000, 'x'))
                                              + part("b", "2") + last,
                                          {1'000})};
  REQUIRE(reader.next().value());
  CHECK_FALSE(reader.read().value().empty());
  const auto second = reader.next();
  REQUIRE(second);
  CHECK((*second)->name == "b");
  CHECK(reader.read().value() == "2");
  CHECK(reader.read().value().empty());
  CHECK(reader.read().value().empty());
}

TEST_CASE("what stands before and behind the parts means nothing",
          "[multipart]") {
  const auto form = part("a", "1") + last;
  CHECK(read_in("for old mail programs\r\n" + form + "goodbye"));
  CHECK(read_in("--" + mark + " \t\r\n" + form.substr(mark.size() + 4)));
  const std::string much(multipart_reader::most_header + 1, '.');
  CHECK(says(much + "\r\n" + form, "does not begin with its boundary"));
  CHECK(says(form + much, "goes on behind"));
}

TEST_CASE("hostile forms are refused", "[multipart]") {
  const auto open = "--" + mark;
  CHECK(says("", "ends before"));
  CHECK(says("no form at all", "ends before"));
  CHECK(says(open + "junk\r\n\r\n", "behind its boundary"));
  CHECK(says(open + "-\r\n\r\n", "behind its boundary"));
  CHECK(says(open + "\r\nno colon\r\n\r\n", "without a colon"));
  CHECK(says(open + "\r\nX: y\r\n\r\n" + last, "without a name"));
  CHECK(says(open + "\r\nContent-Disposition: form-data\r\n\r\n\r\n" + last,
             "without a name"));
  CHECK(says(open
                 + "\r\nContent-Disposition: form-data; name=\"never ends\r\n"
                   "\r\n\r\n"
                 + last,
             "without a name"));
  CHECK(says(open
                 + "\r\nContent-Disposition: form-data; name=a\r\n"
                   "content-disposition: form-data; name=b\r\n\r\n\r\n"
                 + last,
             "twice"));
  const std::string much(multipart_reader::most_header + 1, 'h');
  CHECK(says(open + "\r\n" + much, "header that is too long"));
  std::string lines;
  for (int i = 0; i < 2'000; ++i)
    lines += "X-Some: header\r\n";
  CHECK(says(open + "\r\n" + lines + "\r\n", "header that is too long"));
  std::string parts;
  for (int i = 0; i <= multipart_reader::most_parts; ++i)
    parts += part("p", "");
  CHECK(says(parts + last, "too many parts"));
}

TEST_CASE("names of parts are read as clients write them", "[multipart]") {
  for (const auto& [header, name] :
       fields{{R"(form-data; name="archive"; filename="archive.tar.gz")",
               "archive"},
              {R"(form-data; filename="x; name=y"; name="archive")", "archive"},
              {R"(form-data; name=archive)", "archive"},
              {R"(form-data;name = "a\"b")", "a\"b"}}) {
    INFO(header);
    const auto got = read_in("--" + mark + "\r\ncontent-disposition:" + header
                             + "\r\nContent-Type: application/octet-stream\r\n"
                               "\r\n\r\n"
                             + last);
    REQUIRE(got);
    CHECK(got->front().first == name);
  }
}

TEST_CASE("a source that fails is believed", "[multipart]") {
  multipart_reader reader{mark, [](std::span<char>) -> result<std::size_t> {
                            return fault{.code = fault_code::upload_failed,
                                         .what = "gone"};
                          }};
  const auto got = reader.next();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == fault_code::upload_failed);
}

TEST_CASE("a type names its boundary", "[multipart]") {
  for (const auto& [type, boundary] :
       fields{{"multipart/form-data; boundary=abc", "abc"},
              {"Multipart/Form-Data;  charset=utf-8; Boundary=\"a b:c\"",
               "a b:c"}}) {
    INFO(type);
    const auto got = multipart_boundary(type);
    REQUIRE(got);
    CHECK(*got == boundary);
  }
  for (const auto* type :
       {"", "application/json; boundary=abc", "multipart/form-data",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a\"b", "multipart", "; boundary=a"}) {
    INFO(type);
    const auto got = multipart_boundary(type);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == fault_code::malformed);
  }
  CHECK_FALSE(
      multipart_boundary("multipart/x; boundary=" + std::string(71, 'a')));
  CHECK(multipart_boundary("multipart/x; boundary=" + std::string(70, 'a')));
}
