// What `nearfar COMMAND --help` opens with: a sentence, then examples.
#pragma once

namespace nearfar {

inline constexpr const char* kIntroduction =
    "nearfar: self-supervised pretraining of image encoders, near the similar, far from the "
    "rest\n\n"
    "  nearfar pretrain --recipe simclr --data PHOTOS     train on a folder of images\n"
    "  nearfar launch --ranks 2 pretrain ...              the same on two GPUs\n"
    "  nearfar evaluate runs/simclr-photos-1              judge what was learned\n"
    "  nearfar finetune runs/simclr-photos-1 --labels 0.1 learn the labels, of a tenth\n"
    "  nearfar report runs/simclr-photos-1                a page with curves and a map\n"
    "  nearfar export runs/simclr-photos-1 --out encoder.safetensors\n"
    "                                                     for torchvision and timm\n"
    "  nearfar views PHOTOS --out views.png               see what the network sees\n";

inline constexpr const char* kPretrain =
    "Trains an encoder without labels. Continues by itself when --out holds a run.\n\n"
    "  nearfar pretrain --recipe simclr --data PHOTOS\n"
    "  nearfar pretrain simclr.json train.batch=512 recipe.temperature=0.2\n"
    "  nearfar pretrain --recipe simclr --data list.csv data.limit=10000     a quick try\n"
    "  nearfar pretrain --out runs/simclr-photos-1        go on after a stop\n"
    "  nearfar pretrain --replay runs/simclr-photos-1/diverged/step-9/replay.json\n"
    "                                                     where a NaN comes from\n\n"
    "CONFIG is a file (also @file, or - for stdin); settings are key=value.";

inline constexpr const char* kLaunch =
    "Runs pretrain as several ranks on this host, with the numbers of one rank: train.batch is "
    "that "
    "of all of them. Each takes the GPU of its number or, without GPUs, its share of the "
    "processor.\n\n"
    "  nearfar launch --ranks 2 pretrain --recipe simclr --data PHOTOS\n"
    "  nearfar launch --ranks 8 --max-restarts 3 pretrain simclr.json --out runs/big\n"
    "  nearfar launch --ranks 2 doctor --distributed      do these ranks agree, and how fast?\n\n"
    "What follows pretrain is for pretrain. A rank that dies ends them all; --max-restarts starts "
    "them again from the last checkpoint. SIGTERM, SIGINT and SIGUSR1 save and stop (exit code "
    "75), a second one stops at once. The exit code is that of the rank that failed first.\n"
    "Over several hosts, start nearfar pretrain itself: srun, mpirun, torchrun --no-python and "
    "Kubeflow need no options.";

inline constexpr const char* kEvaluate =
    "Judges an encoder by linear probe, nearest neighbours and more, beside raw pixels and an "
    "untrained twin.\n\n"
    "  nearfar evaluate runs/simclr-photos-1\n"
    "  nearfar evaluate runs/simclr-photos-1 --methods retrieval,clustering,verification,open_set\n"
    "  nearfar evaluate model.safetensors --encoder resnet50 --data PHOTOS --methods linear,knn";

inline constexpr const char* kEmbed =
    "Writes the features of every image: features [N, d], labels [N], and the paths beside "
    "them.\n\n"
    "  nearfar embed runs/simclr-photos-1 --data PHOTOS --out features.safetensors";

inline constexpr const char* kFinetune =
    "Trains an encoder with a linear classifier on a share of the labels, end to end, and judges "
    "it "
    "on the test part.\n\n"
    "  nearfar finetune runs/simclr-photos-1 --labels 0.1\n"
    "  nearfar finetune runs/simclr-photos-1 --labels 0.01 --baseline    beside training from "
    "scratch\n"
    "  nearfar finetune model.safetensors --encoder resnet50 --data PHOTOS train.epochs=20\n\n"
    "As SimCLR's authors do it (Chen et al. 2020, appendix B.5): Nesterov's momentum, rate 0.05 * "
    "batch / 256, no weight decay, crops and flips; 60 epochs below 5 % of the labels, else 30.";

inline constexpr const char* kExport =
    "Writes an encoder under the names of torchvision and timm, and checks what was written.\n\n"
    "  nearfar export runs/simclr-photos-1 --out encoder.safetensors\n"
    "  nearfar export runs/simclr-photos-1 --out FOLDER --format timm-folder\n\n"
    "Prints the Python lines that load it, strictly. torchvision, timm: one file; timm-folder: "
    "config.json and model.safetensors for timm.create_model(\"local-dir:FOLDER\").";
inline constexpr const char* kReport =
    "Writes one HTML page about a run: settings, curves, the evaluation, a map of the embedding, "
    "nearest neighbours. It needs no network and no other file.\n\n"
    "  nearfar report runs/simclr-photos-1\n"
    "  nearfar report runs/simclr-photos-1 --out simclr.html report.points=2000\n"
    "  nearfar report runs/simclr-photos-1 --data OTHER_PHOTOS";

inline constexpr const char* kViews =
    "Shows what a recipe sees: originals with the crop boxes of their views, and each view with "
    "its "
    "draws in words; or renders given draws.\n\n"
    "  nearfar views PHOTOS --out views.png                      simclr's views, preset by the "
    "data\n"
    "  nearfar views cat.jpg --out cat.png recipe.view.blur=1    one image, other views\n"
    "  nearfar views PHOTOS --policy dino --out dino.png         views of a published method\n"
    "  nearfar views PHOTOS --policy moco_v2 view.size=96 --out moco.png\n"
    "  nearfar views --policy list                               the published methods\n"
    "  nearfar views PHOTOS --out views.png --json > drawn.json  boxes and draws as data\n"
    "  nearfar views --input images.safetensors --draws draws.json --out views.safetensors";

inline constexpr const char* kBench =
    "Measures how fast this machine makes views, what limits it, and how many cores a GPU "
    "needs.\n\n"
    "  nearfar bench augment                             SimCLR's views of synthetic 500x375 "
    "images\n"
    "  nearfar bench augment PHOTOS --policy swav        a published method's views of your "
    "images\n"
    "  nearfar bench data PHOTOS recipe.view.size=224    reading, decoding, drawing, rendering\n"
    "  nearfar bench data PHOTOS --rate 1235 --json      cores for a GPU that takes 1,235 "
    "images/s\n\n"
    "augment: images lie decoded in memory. data: files are read and decoded, and the loader of "
    "training runs with one worker and with all. Rates are medians of interleaved rounds.";

inline constexpr const char* kRecipes =
    "Lists the recipes that are found, or shows one with its presets, views and keys.\n\n"
    "  nearfar recipes\n"
    "  nearfar recipes simclr\n"
    "  nearfar recipes triplet/build/triplet.so\n"
    "  NEARFAR_RECIPE_PATH=triplet/build nearfar recipes  folders and libraries, by colons\n\n"
    "A library that does not load is listed with what keeps it from loading.";

inline constexpr const char* kNewRecipe =
    "Writes a folder with a recipe that trains at once: source, preset, CMakeLists.txt, test and "
    "README; prints the commands that build and run it.\n\n"
    "  nearfar new-recipe triplet\n"
    "  nearfar new-recipe triplet --out methods/triplet";

inline constexpr const char* kCheckRecipe =
    "Holds a recipe to the laws that every recipe obeys: the same numbers on any number of ranks, "
    "in "
    "micro-batches and after a restart, a right gradient, and more.\n\n"
    "  nearfar check-recipe simclr\n"
    "  nearfar check-recipe build/my_recipe.so recipe.temperature=0.5 --preset small\n"
    "  nearfar check-recipe ./my_recipe.so --only ranks,state --json\n\n"
    "A few seconds on made-up images, at a miniature of the recipe's size: a small encoder in the "
    "place of encoder.name (a recipe that brings its own keeps it), no integer of its settings "
    "above "
    "64 where it accepts that. Exit code 7 when a law is broken, 0 otherwise.";

inline constexpr const char* kLoss =
    "Computes a loss and its gradients on given tensors.\n\n"
    "  nearfar loss --list\n"
    "  nearfar loss nt_xent --input case.safetensors --output out.safetensors temperature=0.1\n\n"
    "The output holds loss, grad.<input> of every differentiable input, and what else the formula "
    "names.";

inline constexpr const char* kDistance =
    "Computes a distance matrix and its gradients on given tensors.\n\n"
    "  nearfar distance --list\n"
    "  nearfar distance lp --input case.safetensors --output out.safetensors p=3\n\n"
    "Inputs x [n, d] and y [m, d]; the output holds matrix [n, m] and, where direction [n, m] is "
    "given, grad.x and grad.y of sum(matrix * direction). energy and sinkhorn give value.";

inline constexpr const char* kConfig =
    "Shows, checks and documents configurations.\n\n"
    "  nearfar config show simclr.json train.batch=64 --origin\n"
    "  nearfar config check simclr.json\n"
    "  nearfar config keys train\n"
    "  nearfar config schema > nearfar.schema.json";

inline constexpr const char* kDoctor =
    "Prints versions, machine and devices, and tests them; paste it into a bug report.\n\n"
    "  nearfar doctor\n"
    "  nearfar doctor --device cuda\n"
    "  nearfar launch --ranks 2 doctor --distributed simclr.json\n"
    "                                                     do these ranks agree, and how fast?\n"
    "  nearfar doctor --plan --ranks 1024 --gpus-per-host 8 simclr.json train.batch=4096\n"
    "                                                     memory and traffic of each rank\n\n"
    "--distributed compares versions, clocks and settings of the ranks that it is started on (by "
    "nearfar launch, torchrun --no-python, srun, mpirun or Kubeflow), measures latency and "
    "bandwidth, and checks that the gradient over the ranks is that of one rank. --plan counts "
    "what "
    "a step exchanges, by taking one as rank 0 with made-up images; no other rank is needed, and "
    "no "
    "GPU.";

}  // namespace nearfar
