// What nearly every file with a tensor in it needs; compiled once and shared.
#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>
