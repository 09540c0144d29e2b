#include <array>

#include "config/option.hpp"
#include "config/sqs_queue.hpp"

namespace trunkline::config {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;

constexpr std::array kQueue = {
    Row<SqsQueue>{{.path = "queue_url",
                   .type = Type::url,
                   .required = true,
                   .reloadable = true,
                   .help = "URL of the queue, as SQS names it. One that ends in `.fifo` keeps its order."},
                  assign<&SqsQueue::url>},
    Row<SqsQueue>{{.path = "region",
                   .type = Type::text,
                   .reloadable = true,
                   .help = "Region that requests are signed for. None: the one in `queue_url`, else `AWS_REGION`, "
                           "`AWS_DEFAULT_REGION`, the profile's."},
                  assign<&SqsQueue::region>},
    Row<SqsQueue>{{.path = "endpoint",
                   .type = Type::url,
                   .reloadable = true,
                   .help = "Where SQS is. None: `AWS_ENDPOINT_URL_SQS`, `AWS_ENDPOINT_URL`, the profile's, else the "
                           "host of `queue_url`."},
                  assign<&SqsQueue::endpoint>},
    Row<SqsQueue>{{.path = "access_key_id",
                   .type = Type::text,
                   .reloadable = true,
                   .help = "Keys of its own. None: found as the AWS SDKs find them, see [aws.md](aws.md#credentials)."},
                  assign<&SqsQueue::access_key_id>},
    Row<SqsQueue>{
        {.path = "secret_access_key", .type = Type::secret, .reloadable = true, .help = "Goes with `access_key_id`."},
        assign<&SqsQueue::secret_access_key>},
    Row<SqsQueue>{{.path = "session_token",
                   .type = Type::secret,
                   .reloadable = true,
                   .help = "Of temporary keys, which this program cannot renew: better leave all three out."},
                  assign<&SqsQueue::session_token>},
    Row<SqsQueue>{{.path = "receivers",
                   .type = Type::count,
                   .fallback = "4",
                   .min = 1,
                   .max = 64,
                   .unit = "receives",
                   .reloadable = true,
                   .help = "Receives under way at most, each of up to 10 messages. One while the queue is empty."},
                  assign<&SqsQueue::receivers>},
    Row<SqsQueue>{{.path = "visibility_timeout",
                   .type = Type::duration,
                   .fallback = "60s",
                   .min = 10 * kSecond,
                   .max = 12 * kHour,
                   .reloadable = true,
                   .help = "How long a message stays hidden when this program dies with it. Asked for with every "
                           "receive, whatever the queue's own is, and extended while the disk is slow."},
                  assign<&SqsQueue::visibility_timeout>},
    Row<SqsQueue>{{.path = "timeout",
                   .type = Type::duration,
                   .fallback = "10s",
                   .min = 1 * kSecond,
                   .max = 300 * kSecond,
                   .reloadable = true,
                   .help = "For an answer of SQS; a long poll's 20 s come on top."},
                  assign<&SqsQueue::timeout>},
    Row<SqsQueue>{{.path = "allow_loopback",
                   .type = Type::boolean,
                   .fallback = "false",
                   .reloadable = true,
                   .help = "May call this machine. Addresses are checked after name resolution, at each connect."},
                  assign<&SqsQueue::allow_loopback>},
    Row<SqsQueue>{{.path = "allow_private",
                   .type = Type::boolean,
                   .fallback = "false",
                   .reloadable = true,
                   .help = "May call private networks: an interface endpoint in a VPC."},
                  assign<&SqsQueue::allow_private>},
    Row<SqsQueue>{{.path = "tls.ca",
                   .type = Type::text,
                   .reloadable = true,
                   .help = "PEM file of the CAs that the server is verified against, instead of the system's."},
                  assign<&SqsQueue::tls_ca>},
    Row<SqsQueue>{
        {.path = "event_bus",
         .type = Type::text,
         .reloadable = true,
         .help = "For `trunkline aws plan`, see [aws.md](aws.md#a-deployment): the partner event source "
                 "(`aws.partner/genesys.com/cloud/…`) or event bus whose events a rule sends to this queue. The hub "
                 "itself does not look at it."},
        assign<&SqsQueue::event_bus>},
};

}  // namespace

Table<SqsQueue> sqs_queue_table() {
  return kQueue;
}

}  // namespace trunkline::config
