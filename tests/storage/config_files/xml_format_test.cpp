#include "tests/storage/config_files/edits.hpp"

namespace alula::storage {

namespace {

std::string xml_with(std::string text, const std::string& was,
                     const std::string& is) {
  REQUIRE(text.find(was) != std::string::npos);
  return text.replace(text.find(was), was.size(), is);
}

constexpr const char* of_seven_days =
    "<?xml version=\"1.0\"?>\n"
    "<ServerSettings>\n"
    "\t<!-- GENERAL -->\n"
    "\t<property name=\"ServerPort\"\t\t\t\tvalue=\"26900\"/>  <!-- Port -->\n"
    "\t<property name='ServerName' value='My Game Host'/>\n"
    "</ServerSettings>\n";

constexpr const char* of_space_engineers =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
    "<MyConfigDedicated xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\r\n"
    "  <SessionSettings>\r\n"
    "    <GameMode>Survival</GameMode>\r\n"
    "    <MaxPlayers>4</MaxPlayers>\r\n"
    "  </SessionSettings>\r\n"
    "  <LoadWorld />\r\n"
    "  <IP>0.0.0.0</IP>\r\n"
    "</MyConfigDedicated>";

} // namespace

TEST_CASE("an attribute of XML is replaced alone", "[config-files]") {
  auto expected = xml_with(of_seven_days, "26900", "27000");
  expected = xml_with(expected, "My Game Host", "Tom &amp; &quot;Jo&quot;");
  CHECK(edited("xml", of_seven_days,
               {put("ServerSettings.property[@name='ServerPort']",
                    "[value='27000']"),
                put("ServerSettings.property[@name='ServerName']",
                    "[value='Tom & \"Jo\"']")})
        == xml_with(expected, "&quot;Jo&quot;", "\"Jo\""));
}

TEST_CASE("the text of an XML element is replaced alone", "[config-files]") {
  auto expected = xml_with(of_space_engineers, ">4<", ">16<");
  expected = xml_with(expected, "<LoadWorld />",
                      "<LoadWorld>Z:\\Saves\\A &amp; B &lt;1&gt;</LoadWorld>");
  CHECK(edited("xml", of_space_engineers,
               {put("MyConfigDedicated.SessionSettings.MaxPlayers", "16"),
                put("MyConfigDedicated.LoadWorld", "Z:\\Saves\\A & B <1>")})
        == expected);
}

TEST_CASE("XML that says it already is left byte for byte", "[config-files]") {
  CHECK(edited("xml", of_space_engineers,
               {put("MyConfigDedicated.IP", "0.0.0.0")})
        == of_space_engineers);
}

TEST_CASE("missing elements of XML are made beside the others",
          "[config-files]") {
  auto expected = xml_with(of_space_engineers, "  <IP>0.0.0.0</IP>\r\n",
                           "  <IP>0.0.0.0</IP>\r\n  <Port>27016</Port>\r\n");
  expected = xml_with(expected, "    <MaxPlayers>4</MaxPlayers>\r\n",
                      "    <MaxPlayers>4</MaxPlayers>\r\n    <A>\r\n"
                      "      <B>1</B>\r\n    </A>\r\n");
  expected = xml_with(expected, "<LoadWorld />", "<LoadWorld/>");
  CHECK(edited("xml", of_space_engineers,
               {put("MyConfigDedicated.Port", "27016"),
                put("MyConfigDedicated.SessionSettings.A.B", "1")})
        == expected);
}

TEST_CASE("a missing element is made with the attribute asked for",
          "[config-files]") {
  CHECK(edited("xml", "<a>\n  <p name=\"x\" value=\"1\"/>\n</a>\n",
               {put("a.p[@name='y.z']", "[value='2']")})
        == "<a>\n  <p name=\"x\" value=\"1\"/>\n"
           "  <p name=\"y.z\" value=\"2\"/>\n</a>\n");
}

TEST_CASE("an empty XML file is filled", "[config-files]") {
  CHECK(edited("xml", "", {put("server.port", "1"), put("server.b.c", "x")})
        == "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<server>\n"
           "  <port>1</port>\n  <b>\n    <c>x</c>\n  </b>\n</server>\n");
}

TEST_CASE("every element is changed by a star, and none is made",
          "[config-files]") {
  CHECK(edited("xml", "<a><b><c>1</c></b><d><c>2</c><c>3</c></d><e/></a>",
               {put("a.*.c", "4")})
        == "<a><b><c>4</c></b><d><c>4</c><c>4</c></d><e/></a>");
  CHECK(edited("xml", "<a><c>2</c><c>3</c></a>", {put("a.c[2]", "4")})
        == "<a><c>2</c><c>4</c></a>");
}

TEST_CASE("an attribute that is missing comes last", "[config-files]") {
  CHECK(edited("xml", "<a>\n <b x='1' /><c></c>\n</a>",
               {put("a.b", "[y='2']"), put("a.c", "[y='3']")})
        == "<a>\n <b x='1' y=\"2\" /><c y=\"3\"></c>\n</a>");
}

TEST_CASE("an element of another namespace is found by its name",
          "[config-files]") {
  CHECK(edited("xml", "<x:a xmlns:x='u'><x:b>1</x:b></x:a>", {put("a.b", "2")})
        == "<x:a xmlns:x='u'><x:b>2</x:b></x:a>");
}

TEST_CASE("another root element is not touched", "[config-files]") {
  CHECK(edited("xml", "<a><b>1</b></a>", {put("c.b", "2")})
        == "<a><b>1</b></a>");
  CHECK(notes("xml", "<a/>", {put("c.b", "2")}).size() == 1);
}

TEST_CASE("XML is replaced only if it has the value asked for",
          "[config-files]") {
  CHECK(edited("xml", "<a><b>1</b><b>2</b></a>", {put_if("a.b", "1", "3")})
        == "<a><b>3</b><b>2</b></a>");
  CHECK(edited("xml", "<a/>", {put_if("a.b", "1", "3")}) == "<a/>");
}

TEST_CASE("a path that is none is a note", "[config-files]") {
  for (const auto* match :
       {"a.b[", "a..b", "a.b[@]", "a.b[@x=1]", "a b", "a.b[]", "a.<b>", ""}) {
    CHECK(edited("xml", "<a><b>1</b></a>", {put(match, "2")})
          == "<a><b>1</b></a>");
    CHECK(notes("xml", "<a/>", {put(match, "2")}).size() == 1);
  }
}

TEST_CASE("entities of XML are never expanded", "[config-files]") {
  std::string bomb = "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [\n"
                     " <!ENTITY l0 \"lol\">\n";
  for (int i = 1; i < 10; ++i) {
    bomb += " <!ENTITY l" + std::to_string(i) + " \"";
    for (int k = 0; k < 10; ++k)
      bomb += "&l" + std::to_string(i - 1) + ";";
    bomb += "\">\n";
  }
  bomb += "]>\n<a><b>&l9;</b><c>1</c></a>\n";
  CHECK(edited("xml", bomb, {put("a.c", "2")})
        == xml_with(bomb, "<c>1</c>", "<c>2</c>"));
  CHECK(refusal("xml", bomb, {put("a.d", "2")})
            .starts_with("It is written in a way"));
  const std::string outside =
      "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n"
      "<a><b>&x;</b><c>1</c></a>";
  CHECK(edited("xml", outside, {put("a.c", "2")})
        == xml_with(outside, "<c>1</c>", "<c>2</c>"));
}

TEST_CASE("what is no XML is left as it is", "[config-files]") {
  refusal("xml", "<a><b></a>", {put("a.b", "2")});
  refusal("xml", "text", {put("a.b", "2")});
  refusal("xml", "<a", {put("a.b", "2")});
  refusal("xml", "{\"a\": 1}", {put("a.b", "2")});
}

TEST_CASE("XML nested very deep is no crash", "[config-files]") {
  std::string text;
  for (int i = 0; i < 500'000; ++i)
    text += "<a>";
  const auto made = edit_config("xml", text, {put("a.b", "2")});
  CHECK_FALSE(made);
  for (int i = 0; i < 500'000; ++i)
    text += "</a>";
  CHECK(edit_config("xml", text, {put("a.b", "2")}));
}

TEST_CASE("XML of other encodings keeps its bytes", "[config-files]") {
  const std::string text =
      "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<a><n>caf\xE9</n>"
      "<p>1</p></a>\n";
  CHECK(edited("xml", text, {put("a.p", "2")})
        == xml_with(text, "<p>1</p>", "<p>2</p>"));
  refusal("xml", text, {put("a.p", "é")});
}

} // namespace alula::storage
