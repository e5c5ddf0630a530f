// Stores: what is set is found by all, waiting has an end, and a served store ends with its server.
#include <gtest/gtest.h>

#include <chrono>
#include <system_error>
#include <thread>

#include "distributed/peer_error.h"
#include "distributed/sockets.h"
#include "distributed/store.h"

namespace nearfar {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// What a call that must fail says.
template <typename Error, typename Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Store, TextsAndNumbersAreSeenByAll) {
  const ServedStore served = serve_store(0);
  const auto client = connect_store("localhost", served.port, seconds(5));
  EXPECT_FALSE(client->find("answer").has_value());
  served.store->set("answer", std::string("4\0002", 3));
  EXPECT_EQ(client->find("answer"), std::string("4\0002", 3));
  client->set("empty", "");
  EXPECT_EQ(served.store->find("empty"), "");
  EXPECT_EQ(client->add("count", 2), 2);
  EXPECT_EQ(served.store->add("count", 40), 42);
}

TEST(Store, WaitingLeavesTheConnectionToOthers) {
  const ServedStore served = serve_store(0);
  const auto client = connect_store("127.0.0.1", served.port, seconds(5));
  std::thread waiting([&] { EXPECT_EQ(client->wait_for("late", seconds(20)), "text"); });
  std::this_thread::sleep_for(milliseconds(20));
  const auto begin = std::chrono::steady_clock::now();
  client->set("late", "text");  // through the very client that waits
  waiting.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

TEST(Store, WaitingEndsAndNamesTheKey) {
  const ServedStore served = serve_store(0);
  const std::string message =
      message_of<PeerError>([&] { served.store->wait_for("never", milliseconds(100)); });
  EXPECT_NE(message.find("has no never after 0.1 s"), std::string::npos) << message;
}

TEST(Store, ATakenPortIsASystemError) {
  const ServedStore served = serve_store(0);
  try {
    serve_store(served.port);
    FAIL() << "two stores at one port";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EADDRINUSE);
    EXPECT_NE(std::string(error.what()).find("port " + std::to_string(served.port)),
              std::string::npos)
        << error.what();
  }
}

TEST(Store, WhereNothingIsServedIsNamed) {
  const int port = serve_store(0).port;  // served no more
  const std::string address = "127.0.0.1:" + std::to_string(port);
  const std::string message =
      message_of<PeerError>([&] { connect_store("127.0.0.1", port, milliseconds(200)); });
  EXPECT_NE(message.find("the store at " + address + " is not served"), std::string::npos)
      << message;
}

TEST(Store, AServerThatLeftIsNamed) {
  ServedStore served = serve_store(0);
  const auto client = connect_store("127.0.0.1", served.port, seconds(2));
  served.store.reset();
  const std::string message = message_of<PeerError>([&] { client->find("key"); });
  EXPECT_NE(message.find("127.0.0.1:" + std::to_string(served.port) + " is gone"),
            std::string::npos)
      << message;
}

TEST(Sockets, TheRouteToThisHostStartsHere) {
  EXPECT_EQ(local_address_towards("127.0.0.1", 9), "127.0.0.1");
}

}  // namespace
}  // namespace nearfar
