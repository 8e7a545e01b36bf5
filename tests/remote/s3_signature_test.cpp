// How requests to stores are signed and addressed, and where the keys are from.
#include "remote/s3_signature.hpp"
#include "remote/s3_stores.hpp"
#include "tests/doubles/fake_clock.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace alula;
using namespace alula::remote;
using namespace std::chrono_literals;

namespace {

/// 1,369,353,600,000: 2013-05-24T00:00:00Z, as in AWS's examples.
constexpr jobs::time_ms of_the_examples = 1'369'353'600'000;
const s3_keys example_keys{
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {}};

} // namespace

TEST_CASE("a request is signed as AWS's example is", "[remote][far]") {
  // "Signature Calculations for the Authorization Header", GET Object.
  const s3_request get{.host = "examplebucket.s3.amazonaws.com",
                       .path = "/test.txt",
                       .headers = {{"range", "bytes=0-9"}},
                       .payload = sha256_hex("")};
  const auto headers = sign_s3(get, example_keys, "us-east-1", of_the_examples);
  CHECK(headers.back().second
        == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
           "us-east-1/s3/aws4_request, SignedHeaders=host;range;"
           "x-amz-content-sha256;x-amz-date, Signature="
           "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_CASE("a query is signed sorted, as AWS's example is", "[remote][far]") {
  const s3_request list{.host = "examplebucket.s3.amazonaws.com",
                        .path = "/",
                        .query = {{"prefix", "J"}, {"max-keys", "2"}},
                        .payload = sha256_hex("")};
  const auto headers =
      sign_s3(list, example_keys, "us-east-1", of_the_examples);
  CHECK_THAT(headers.back().second,
             Catch::EndsWith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670"
                             "ed5711ef69dc6f7"));
}

TEST_CASE("a URL is presigned as AWS's example is", "[remote][far]") {
  const s3_request get{.host = "examplebucket.s3.amazonaws.com",
                       .path = "/test.txt",
                       .payload = {}};
  CHECK_THAT(
      presign_s3(get, example_keys, "us-east-1", of_the_examples, 86'400s),
      Catch::EndsWith("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f"
                      "995330da4c265957d157751f604d404"));
}

TEST_CASE("a bucket stands in the host or in the path, as a store is addressed",
          "[remote][far]") {
  const doubles::fake_clock clock{of_the_examples};
  s3_settings settings{.name = "s",
                       .endpoint = "https://s3.amazonaws.com",
                       .bucket = "examplebucket",
                       .keys = example_keys};
  s3_store by_path{settings, clock};
  CHECK_THAT(by_path.presign_get("test.txt", 86'400s),
             Catch::StartsWith(
                 "https://s3.amazonaws.com/examplebucket/test.txt?X-Amz-"));
  settings.path_style = false;
  s3_store by_host{settings, clock};
  // The same example of AWS's as above.
  CHECK_THAT(by_host.presign_get("test.txt", 86'400s),
             Catch::StartsWith(
                 "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-")
                 && Catch::EndsWith("aeeed9bbccd4d02ee5c0109b86d86835f"
                                    "995330da4c265957d157751f604d404"));
}

TEST_CASE("keys are read from a credentials file and from the environment",
          "[remote][far]") {
  const auto file = std::filesystem::temp_directory_path()
                    / ("alula-keys-" + std::to_string(getpid()));
  std::ofstream{file} << "[default]\naws_access_key_id = a\n"
                         "[node]\naws_access_key_id=b\n"
                         "aws_secret_access_key = c=d \n";
  const auto keys = read_s3_keys(
      {.access = {}, .secret = {}, .file = file, .profile = "node"});
  REQUIRE(keys);
  CHECK(keys->access == "b");
  CHECK(keys->secret == "c=d");
  CHECK_FALSE(read_s3_keys({.access = {}, .secret = {}, .file = file}));
  std::filesystem::remove(file);
  setenv("ALULATEST_ACCESS_KEY_ID", "e", 1);
  setenv("ALULATEST_SECRET_ACCESS_KEY", "f", 1);
  const auto of_environment = read_s3_keys({.access = {},
                                            .secret = {},
                                            .file = {},
                                            .profile = {},
                                            .environment = "ALULATEST"});
  REQUIRE(of_environment);
  CHECK(of_environment->secret == "f");
}
