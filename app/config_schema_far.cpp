// The keys about storage on other machines; all of them are ours.
#include "app/config_schema.hpp"

namespace alula::app {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

using texts = named<std::string>;

} // namespace

std::vector<known_key> far_keys() {
  return {
      {"system.backups.s3_stream", boolean_rule{[](config& c) -> bool& {
         return c.system.backups.s3_stream;
       }}},
      {"system.backups.s3_parallel",
       integer_rule{1, 16,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.s3_parallel;
                    }}},
      {"system.backups.s3_upload_limit",
       integer_rule{0, 1'000'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.s3_upload_limit;
                    }}},
      {"system.backups.s3_download_limit",
       integer_rule{0, 1'000'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.backups.s3_download_limit;
                    }}},
      {"system.backups.s3_stall",
       duration_rule{seconds{1}, minutes{60},
                     [](config& c) -> milliseconds& {
                       return c.system.backups.s3_stall;
                     }}},
      {"system.backups.s3_ca", text_rule{[](config& c) -> std::string& {
         return c.system.backups.s3_ca;
       }}},
      {"system.backups.download_hosts",
       list_rule{[](config& c) -> std::vector<std::string>& {
         return c.system.backups.download_hosts;
       }}},
      {"system.backups.copy_to", text_rule{[](config& c) -> std::string& {
         return c.system.backups.copy_to;
       }}},
      {"system.transfers.upload_limit",
       integer_rule{0, 1'000'000,
                    [](config& c) -> std::int64_t& {
                      return c.system.transfers.upload_limit;
                    }}},
      {"system.transfers.stall",
       duration_rule{seconds{1}, minutes{60},
                     [](config& c) -> milliseconds& {
                       return c.system.transfers.stall;
                     }}},
      {"system.transfers.ca", text_rule{[](config& c) -> std::string& {
         return c.system.transfers.ca;
       }}},
      {"jobs.pools.transfer", integer_rule{1, 16,
                                           [](config& c) -> std::int64_t& {
                                             return c.jobs.pools.transfer;
                                           }}},
      {"stores.*.endpoint",
       text_rule{{}, [](config& c) -> texts& { return c.stores.endpoint; }}},
      {"stores.*.region",
       text_rule{{}, [](config& c) -> texts& { return c.stores.region; }}},
      {"stores.*.bucket",
       text_rule{{}, [](config& c) -> texts& { return c.stores.bucket; }}},
      {"stores.*.prefix",
       text_rule{{}, [](config& c) -> texts& { return c.stores.prefix; }}},
      {"stores.*.addressing",
       text_rule{{}, [](config& c) -> texts& { return c.stores.addressing; }}},
      {"stores.*.access_key",
       text_rule{{}, [](config& c) -> texts& { return c.stores.access_key; }}},
      {"stores.*.secret_key",
       text_rule{{}, [](config& c) -> texts& { return c.stores.secret_key; }}},
      {"stores.*.credentials_file",
       text_rule{
           {}, [](config& c) -> texts& { return c.stores.credentials_file; }}},
      {"stores.*.credentials_profile",
       text_rule{
           {},
           [](config& c) -> texts& { return c.stores.credentials_profile; }}},
      {"stores.*.credentials_env",
       text_rule{{},
                 [](config& c) -> texts& { return c.stores.credentials_env; }}},
      {"stores.*.ca",
       text_rule{{}, [](config& c) -> texts& { return c.stores.ca; }}},
      // MiB, as S3 has it: at most 5 GiB.
      {"stores.*.part_size", number_rule{5,
                                         5'120,
                                         {},
                                         [](config& c) -> named<double>& {
                                           return c.stores.part_size;
                                         }}},
  };
}

} // namespace alula::app
