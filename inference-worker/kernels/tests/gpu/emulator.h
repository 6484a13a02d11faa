// Runs CUDA kernels on a CPU, one block after the other, one thread per CUDA thread: slow, but with CUDA's barriers and every
// operation as written. For the tests of kernels.cu on machines without a GPU.
#pragma once

#include <barrier>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

struct Dim3 {
	unsigned x = 1, y = 1, z = 1;
};

static thread_local Dim3 threadIdx, blockIdx;
static Dim3 blockDim;
static std::barrier<> *all_threads;

#define __device__
#define __forceinline__ inline
#define __global__
#define __shared__ static
#define __syncthreads() all_threads->arrive_and_wait()

static inline float __uint_as_float(unsigned bits) {
	float value;
	std::memcpy(&value, &bits, sizeof value);
	return value;
}

static inline unsigned __float_as_uint(float value) {
	unsigned bits;
	std::memcpy(&bits, &value, sizeof bits);
	return bits;
}

static void launch(Dim3 grid, Dim3 block, const std::function<void()> &kernel) {
	blockDim = block;
	unsigned count = block.x * block.y;
	std::barrier<> barrier(count);
	all_threads = &barrier;
	std::vector<std::thread> threads;
	for (unsigned thread = 0; thread < count; thread++)
		threads.emplace_back([&, thread] {
			threadIdx = { thread % block.x, thread / block.x, 0 };
			for (unsigned z = 0; z < grid.z; z++)
				for (unsigned y = 0; y < grid.y; y++)
					for (unsigned x = 0; x < grid.x; x++) {
						blockIdx = { x, y, z };
						kernel();
						// Blocks share what in CUDA each has for itself.
						all_threads->arrive_and_wait();
					}
		});
	for (std::thread &thread : threads) thread.join();
}
