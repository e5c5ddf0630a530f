// Listening, asking whether somebody listens, and the local end of a route.
#include "distributed/sockets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "distributed/peer_error.h"

namespace nearfar {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

/// A socket that closes itself.
class Socket {
 public:
  explicit Socket(int family, int type) : descriptor_(::socket(family, type | SOCK_CLOEXEC, 0)) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

/// The addresses of a name, and why there are none.
Addresses resolve(const std::string& host, int port, std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) why = gai_strerror(error);
  return {error == 0 ? found : nullptr, &freeaddrinfo};
}

std::string numeric(const sockaddr* address, socklen_t length) {
  char text[NI_MAXHOST] = {};
  getnameinfo(address, length, text, sizeof(text), nullptr, 0, NI_NUMERICHOST);
  return text;
}

/// Whether a connection comes about in time; else why not.
bool answers(const addrinfo& address, milliseconds patience, std::string& why) {
  const Socket socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK);
  int error = 0;
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      pollfd wait{socket.get(), POLLOUT, 0};
      socklen_t length = sizeof(error);
      error = ETIMEDOUT;
      if (::poll(&wait, 1, static_cast<int>(patience.count())) == 1) {
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
      }
    }
  }
  if (error != 0) why = std::generic_category().message(error);
  return error == 0;
}

/// A listening socket of one family, or the error number.
int try_to_listen(int family, int port, Listener& listener) {
  Socket socket(family, SOCK_STREAM);
  if (socket.get() < 0) return errno;
  const int on = 1, off = 0;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_storage address{};
  socklen_t length = sizeof(sockaddr_in);
  if (family == AF_INET6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    auto& six = reinterpret_cast<sockaddr_in6&>(address);
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_any;
    six.sin6_port = htons(static_cast<uint16_t>(port));
    length = sizeof(sockaddr_in6);
  } else {
    auto& four = reinterpret_cast<sockaddr_in&>(address);
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_ANY);
    four.sin_port = htons(static_cast<uint16_t>(port));
  }
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, length) != 0 || ::listen(socket.get(), SOMAXCONN) != 0 ||
      ::getsockname(socket.get(), generic, &length) != 0) {
    return errno;
  }
  listener.port = ntohs(family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                           : reinterpret_cast<sockaddr_in&>(address).sin_port);
  listener.socket = socket.release();
  return 0;
}

}  // namespace

Listener listen_at(int port) {
  if (port < 0 || port > 65535) {
    throw std::system_error(EINVAL, std::generic_category(),
                            "serving a store at port " + std::to_string(port));
  }
  Listener listener;
  int error = try_to_listen(AF_INET6, port, listener);
  if (error == EAFNOSUPPORT || error == EADDRNOTAVAIL) {
    error = try_to_listen(AF_INET, port, listener);
  }
  if (error != 0) {
    throw std::system_error(error, std::generic_category(),
                            "serving a store at port " + std::to_string(port));
  }
  return listener;
}

std::string wait_until_served(const std::string& host, int port, milliseconds deadline) {
  const auto end = Clock::now() + deadline;
  milliseconds pause(5);
  while (true) {
    std::string why;
    const Addresses addresses = resolve(host, port, why);
    for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
      const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
      if (answers(*one, std::clamp(left, milliseconds(50), milliseconds(3000)), why)) {
        return numeric(one->ai_addr, one->ai_addrlen);
      }
    }
    if (Clock::now() + pause > end) {
      throw PeerError("the store at " + host + ":" + std::to_string(port) +
                      " is not served: " + why);
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, milliseconds(250));
  }
}

std::string local_address_towards(const std::string& host, int port) {
  std::string why = "no address";
  const Addresses addresses = resolve(host, port, why);
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    // Connecting a datagram socket sends nothing: it only looks up the route.
    const Socket socket(one->ai_family, SOCK_DGRAM);
    sockaddr_storage local{};
    socklen_t length = sizeof(local);
    auto* generic = reinterpret_cast<sockaddr*>(&local);
    if (::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0 &&
        ::getsockname(socket.get(), generic, &length) == 0) {
      return numeric(generic, length);
    }
    why = std::generic_category().message(errno);
  }
  throw PeerError("no route to " + host + ":" + std::to_string(port) + ": " + why);
}

}  // namespace nearfar
