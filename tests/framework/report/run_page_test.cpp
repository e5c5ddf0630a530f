// The whole page: hostile names stay text, the policy names the script, every part can be missing.
#include "framework/report/run_page.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "augment/random.h"
#include "framework/data/decode.h"
#include "nearfar/report_assets.h"

namespace nearfar {
namespace {

constexpr const char* kHostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";

Canvas noise(int side, uint64_t seed) {
  Canvas canvas = make_canvas(side, side, {});
  Random random(seed, 0, 0, Purpose::recipe);
  for (uint8_t& byte : canvas.pixels) byte = static_cast<uint8_t>(random.below(256));
  return canvas;
}

EmbeddingMap small_map() {
  EmbeddingMap map;
  map.layouts = {{"tsne", "t-SNE", "n", {0.0, 10.0, 20.0}, {0.0, 5.0, 0.0}},
                 {"pca", "PCA", "n", {1.0, 1.0, 1.0}, {0.0, 1.0, 2.0}}};
  map.label = {0, 1, -1};
  map.place = {"a", kHostile, "c"};
  map.thumbnails = sprite_sheet({noise(8, 1), noise(8, 2), noise(8, 3)}, 1 << 20);
  return map;
}

RunPage hostile_page() {
  RunPage page;
  page.name = kHostile;
  page.made_by = kHostile;
  page.config = Json::object({{kHostile, kHostile}});
  page.environment = Json::object({{kHostile, kHostile}});
  page.log = {Json::object({{"step", 1}, {kHostile, 2.0}})};
  page.class_names = {kHostile, "b"};
  page.images = kHostile;
  page.map = small_map();
  const Picture picture = encode_picture(noise(8, 4), 1 << 20);
  page.neighbors.drawn = {{{picture, kHostile, 0, 1.0}, {{picture, kHostile, 1, 0.5}}}};
  page.remarks = {kHostile};
  page.views = picture;
  Json entry = parse_json(R"({"top1":0.5,"spread":0.0,"seeds":1,"interval":[0.4,0.6],
                              "per_class":[1,0],"confusion":[[1,0],[1,0]]})",
                          "e");
  page.evaluation = Json::object(
      {{"data", Json::object({{"classes", Json::array({kHostile, "b"})}})},
       {"methods",
        Json::object({{kHostile, Json::object({{"encoder", Json::object({{"1.0", entry}})}})}})}});
  return page;
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(RunPage, HostileTextStaysText) {
  const std::string html = to_html(hostile_page());
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  EXPECT_EQ(html.find("<img src=x"), std::string::npos);
  // Two data blocks and the page's own script.
  EXPECT_EQ(count_of(html, "<script"), 3u);
  EXPECT_EQ(count_of(html, "</script>"), 3u);
  EXPECT_GE(count_of(html, "&lt;script&gt;alert(1)"), 8u);
}

TEST(RunPage, PolicyAllowsNothingButItsOwnScript) {
  const std::string html = to_html(hostile_page());
  EXPECT_NE(html.find("default-src &#39;none&#39;"), std::string::npos);
  EXPECT_NE(html.find("script-src &#39;sha256-"), std::string::npos);
  EXPECT_NE(html.find("<script>" + std::string(kPageScript) + "</script>"), std::string::npos);
  for (const char* word : {"eval(", "innerHTML", "document.write", "Function(", "fetch(",
                           "XMLHttpRequest", "import("}) {
    EXPECT_EQ(std::string(kPageScript).find(word), std::string::npos) << word;
  }
  for (const char* loads : {"url(", "@import", "http:", "https:"}) {
    EXPECT_EQ(std::string(kPageStyle).find(loads), std::string::npos) << loads;
  }
}

TEST(RunPage, EveryPartMayBeMissing) {
  const std::string html = to_html(RunPage{});
  EXPECT_EQ(html.rfind("<!DOCTYPE html>", 0), 0u);
  const Json summary = page_summary(RunPage{});
  EXPECT_EQ(summary.at("points").as_int(), 0);
  EXPECT_EQ(to_text(page_summary(hostile_page()).at("sections"), -1),
            "[\"evaluation\",\"curves\",\"map\",\"neighbours\",\"classes\",\"views\",\"settings\","
            "\"environment\"]");
}

// Each layout fills 1000 by 700 units in one direction, keeps its proportions, and stands in the
// middle of what the highest takes: by hand, 20 units wide times 50, and 2 units high times 350.
TEST(MapPart, PlacesArePixelsOfOneFrame) {
  const Json data = map_data(small_map(), {"a", "b"});
  EXPECT_EQ(to_text(data.at("layouts"), -1),
            "[{\"x\":[0,500,1000],\"y\":[475,225,475]},{\"x\":[500,500,500],\"y\":[700,350,0]}]");
  const std::string html = map_part(small_map(), {"a", "b"});
  EXPECT_NE(html.find("--x0:500px;--y0:225px;--x1:500px;--y1:350px;"), std::string::npos);
  EXPECT_NE(html.find("viewBox=\"-24 -24 1048 748\""), std::string::npos);
  EXPECT_EQ(map_part(EmbeddingMap{}, {}), "");
  EXPECT_EQ(map_part(small_map(), {}).find("legend"), std::string::npos) << "no labels, no legend";
}

TEST(NeighborsPart, MarksAgreementWhereThereAreClasses) {
  const Picture picture = encode_picture(noise(4, 5), 1 << 20);
  NeighborPart part;
  part.drawn = {{{picture, "q", 1, 1.0}, {{picture, "n", 1, 0.75}, {picture, "m", 0, 0.5}}}};
  const std::string html = neighbors_part(part, {"a", "b"});
  EXPECT_NE(html.find("data-value=\"0.75\">✓ 0.750"), std::string::npos);
  EXPECT_NE(html.find("data-value=\"0.5\">✗ 0.500"), std::string::npos);
  part.drawn[0].query.label = -1;
  EXPECT_EQ(neighbors_part(part, {}).find("✓"), std::string::npos);
}

// Decoding what was encoded: PNG to the bit, JPEG near it where PNG would be too large.
TEST(ReportPictures, ArePngOrJpegByTheirSize) {
  Canvas smooth = make_canvas(64, 64, {});
  for (size_t i = 0; i < smooth.pixels.size(); ++i) {
    smooth.pixels[i] = static_cast<uint8_t>(i / 192 * 2 + i % 192 / 3);
  }
  const auto decoded = [](const Picture& picture) {
    std::vector<uint8_t> file = picture.bytes;
    PixelBuffer storage;
    const Image image = decode_image(file, 1 << 20, storage);
    return std::vector<uint8_t>(image.pixels, image.pixels + 3 * image.height * image.width);
  };
  const Picture png = encode_picture(smooth, 1 << 20);
  EXPECT_EQ(png.type, "image/png");
  EXPECT_EQ(decoded(png), smooth.pixels);
  const Picture jpeg = encode_picture(smooth, 10);
  EXPECT_EQ(jpeg.type, "image/jpeg");
  const std::vector<uint8_t> near = decoded(jpeg);
  ASSERT_EQ(near.size(), smooth.pixels.size());
  for (size_t i = 0; i < near.size(); ++i) {
    ASSERT_NEAR(near[i], smooth.pixels[i], 12) << "quality 85 of a smooth picture";
  }
}

// Noise is what compresses worst: a default page of 1,000 thumbnails, 12 rows of a query and 8
// neighbours, and views as large as they may be, in base64, beside about 0.4 MB of numbers.
TEST(ReportPictures, OfNoiseStayWithinThePage) {
  const int side = static_cast<int>(std::sqrt(kThumbnailPixels / 1000.0));
  std::vector<Canvas> thumbnails;
  for (uint64_t i = 0; i < 1000; ++i) thumbnails.push_back(noise(side, i));
  const size_t map = sprite_sheet(thumbnails, kThumbnailBytes).picture.bytes.size();
  const size_t neighbor = encode_picture(noise(kNeighborSide, 1), kNeighborBytes).bytes.size();
  EXPECT_LT(static_cast<double>(map + 12 * 9 * neighbor + kViewsBytes) * 4.0 / 3.0, 4.6e6)
      << map << " and " << neighbor;
}

TEST(ReportPictures, StandInRowsOnTheSheet) {
  const std::vector<Canvas> pictures = {noise(4, 6), noise(4, 7), noise(4, 8)};
  const SpriteSheet sheet = sprite_sheet(pictures, 1 << 20);
  EXPECT_EQ(sheet.side, 4);
  EXPECT_EQ(sheet.columns, 2);
  std::vector<uint8_t> file = sheet.picture.bytes;
  PixelBuffer storage;
  const Image image = decode_image(file, 1 << 20, storage);
  ASSERT_EQ(image.width, 8);
  for (int i = 0; i < 3; ++i) {
    const int top = i / 2 * 4, left = i % 2 * 4;
    for (int y = 0; y < 4; ++y) {
      for (int x = 0; x < 12; ++x) {
        ASSERT_EQ(image.pixels[(top + y) * 24 + left * 3 + x],
                  pictures[static_cast<size_t>(i)].pixels[static_cast<size_t>(y * 12 + x)]);
      }
    }
  }
  EXPECT_THROW(sprite_sheet({noise(4, 1), noise(5, 1)}, 1), std::invalid_argument);
}

}  // namespace
}  // namespace nearfar
