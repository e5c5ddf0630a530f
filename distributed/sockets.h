// What the ranks need of sockets before they have a store: a port to serve at, and whether one is
// served.
#pragma once

#include <chrono>
#include <string>

namespace nearfar {

/// A socket that listens at a port of this host, on all of its addresses.
struct Listener {
  int socket = -1;  // whoever takes it closes it
  int port = 0;
};

/// Listens at `port`, 0: any that is free. Throws std::system_error naming the port.
Listener listen_at(int port);

/// Waits until something listens at host:port; names that do not resolve yet are asked for again.
/// Returns the numeric address that answered. Throws PeerError naming host and port.
std::string wait_until_served(const std::string& host, int port,
                              std::chrono::milliseconds deadline);

/// The numeric address of this host that the route to host:port starts from. Throws PeerError
/// naming host and port when there is none.
std::string local_address_towards(const std::string& host, int port);

}  // namespace nearfar
