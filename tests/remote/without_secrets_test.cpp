#include "remote/without_secrets.hpp"

#include <catch2/catch.hpp>

#include <string>

using alula::remote::without_secrets;

TEST_CASE("links keep their place and lose their query and their user",
          "[remote]") {
  CHECK(without_secrets("PUT https://s3.example/b/o?X-Amz-Date=7&X-Amz-"
                        "Signature=ab12 says no")
        == "PUT https://s3.example/b/o?(hidden) says no");
  CHECK(without_secrets("at /backup?token=abc.") == "at /backup?(hidden)");
  CHECK(without_secrets("https://me:word@host/x") == "https://(hidden)@host/x");
}

TEST_CASE("values of words for secrets are taken out", "[remote]") {
  CHECK(without_secrets("Bearer a.b, or") == "Bearer (hidden), or");
  CHECK(without_secrets(R"j({"token":"x1","size":3})j")
        == R"j({"token":"(hidden)","size":3})j");
  CHECK(without_secrets("secret_key = abc, eu") == "secret_key = (hidden), eu");
}

TEST_CASE("what looks like a key is taken out, ids and names stay",
          "[remote]") {
  const std::string key(20, 'a');
  CHECK(without_secrets("ptla_Xy1 of " + key + "0123456789ab.")
        == "(hidden) of (hidden).");
  for (const auto* text :
       {"The requested resource could not be found on the server.",
        "No query results for 3f1d3a0e-7a55-4c3c-9d4f-0a4f5c1f2b11, really? "
        "size=3",
        "UnprocessableEntityHttpException in "
        "Pterodactyl\\Exceptions\\Repository",
        ""})
    CHECK(without_secrets(text) == text);
}
