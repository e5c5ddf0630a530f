// What ranks say of themselves, gathered and compared.
#include "framework/train/rank_roster.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "distributed/texts.h"
#include "framework/error.h"
#include "framework/json/json.h"
#include "nearfar/version.h"

namespace nearfar {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// Seconds since 1970, by this host's clock.
double clock_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Json to_json(const RankEntry& entry, double time) {
  return Json::object({{"host", entry.host},
                       {"process", entry.process},
                       {"local_rank", entry.local_rank},
                       {"device", entry.device},
                       {"nearfar", entry.nearfar},
                       {"libtorch", entry.libtorch},
                       {"recipe", entry.recipe},
                       {"settings", entry.settings},
                       {"time", time}});
}

RankEntry to_entry(const Json& said, int rank) {
  RankEntry entry;
  entry.rank = rank;
  entry.host = said.at("host").as_string();
  entry.process = said.at("process").as_int();
  entry.local_rank = static_cast<int>(said.at("local_rank").as_int());
  entry.device = said.at("device").as_string();
  entry.nearfar = said.at("nearfar").as_string();
  entry.libtorch = said.at("libtorch").as_string();
  entry.recipe = said.at("recipe").as_string();
  entry.settings = said.at("settings").as_string();
  return entry;
}

}  // namespace

std::vector<RankEntry> gather_roster(Group& group, RankEntry mine) {
  mine.host = host_name();
  mine.process = getpid();
  mine.nearfar = NEARFAR_VERSION;
  mine.libtorch = NEARFAR_TORCH_VERSION;
  group.barrier();  // clocks are read together
  const std::vector<std::string> said =
      gather_texts(group, to_text(to_json(mine, clock_time()), -1));
  std::vector<RankEntry> roster;
  double first = 0.0;
  for (size_t rank = 0; rank < said.size(); ++rank) {
    const Json entry = parse_json(said[rank], "rank " + std::to_string(rank));
    const double time = entry.at("time").as_double();
    if (rank == 0) first = time;
    roster.push_back(to_entry(entry, static_cast<int>(rank)));
    roster.back().clock_lead = time - first;
  }
  return roster;
}

double clock_spread(const std::vector<RankEntry>& roster) {
  const auto [earliest, latest] =
      std::minmax_element(roster.begin(), roster.end(),
                          [](const auto& a, const auto& b) { return a.clock_lead < b.clock_lead; });
  return latest->clock_lead - earliest->clock_lead;
}

void require_same_program(const std::vector<RankEntry>& roster) {
  const RankEntry& first = roster.front();
  for (const RankEntry& entry : roster) {
    const auto require = [&](const char* what, const std::string& own,
                             const std::string& expected) {
      if (own == expected) return;
      throw EnvironmentError("rank " + std::to_string(entry.rank) + " of " +
                             std::to_string(roster.size()) + " (" + entry.host + "): expected " +
                             what + " " + expected + " as on rank 0 (" + first.host + "), found " +
                             own);
    };
    require("nearfar", entry.nearfar, first.nearfar);
    require("LibTorch", entry.libtorch, first.libtorch);
    require("a recipe library with the hash", entry.recipe, first.recipe);
    require("settings with the hash", entry.settings, first.settings);
  }
}

}  // namespace nearfar
