// Stands for the header of this name that the wheel leaves out; what uses it needs nothing of it.
#pragma once
