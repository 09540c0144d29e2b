#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "net/http_client.hpp"

namespace trunkline::sinks {

// What the answer to a PUT says of the events in the object. None of them can be at fault, an object is bytes: whatever is
// wrong is wrong for all, and nothing is spent.
//
//  200 with an ETag                        delivered      stored
//  2xx without an ETag                     unavailable    every store gives one (S3 API reference, PutObject): a proxy's page
//                                                         must not count
//  413, EntityTooLarge                     rejected       the object is too large for the store or for what stands between;
//                                                         the caller sends half of it
//  503 SlowDown, 429, 408, RequestTimeout  unavailable    the whole store is asked less; Retry-After is obeyed
//  500 InternalError and other 5xx         unavailable    it may be stored
//  403 (AccessDenied, SignatureDoesNotMatch, RequestTimeTooSkewed, InvalidAccessKeyId), 400 (ExpiredToken,
//  AuthorizationHeaderMalformed, …), 404 (NoSuchBucket), 409, 301 and 307 (another region)
//                                          unavailable    a configuration to be mended; redirects are not followed
//  400 XAmzContentSHA256Mismatch, IncompleteBody
//                                          unavailable    damaged on the way
//  no answer                               unavailable    it may be stored
//  our own client is full                  retry, 1 s     nothing was sent
//
// The class of the error is "s3_" and the code of S3's XML, else "http_" and the status. `secrets` are shown nowhere.
delivery::EventVerdict s3_verdict(const base::Result<net::ClientResponse>& answer, base::WallTime now,
                                  std::span<const std::string> secrets = {});

bool is_stored(const base::Result<net::ClientResponse>& answer);
// Whether the object of a PUT that was not answered 200 may be there for all that.
bool may_have_stored(const base::Result<net::ClientResponse>& answer);

// What the answer to a GET of an object says. Where it may not or cannot be asked for (403 AccessDenied, 405, 501) it counts
// as absent: its events are sent again. What a PUT would fail of, too, says nothing of it.
enum class S3Presence : std::uint8_t { there, absent, unknown };
S3Presence s3_presence(const base::Result<net::ClientResponse>& answer);

// <Error><Code>NoSuchBucket</Code><Message>…</Message></Error>; empty where there is none.
struct S3Error {
  std::string code;
  std::string message;
};
S3Error parse_s3_error(std::string_view body);

}  // namespace trunkline::sinks
