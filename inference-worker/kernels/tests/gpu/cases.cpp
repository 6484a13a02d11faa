// The cases of `autonomy-exactness` that a forward pass on a GPU has, with kernels.cu under the emulator. Writes the values of
// each case to a file of its name ('/' becomes '_') in the folder given; the test compares their digests.

#include "emulator.h"

#include <cstdio>
#include <cstdlib>
#include <string>

// strings.h has an `index` of its own.
#define index cuda_index
#include "../../src/kernels.cu"
#undef index

typedef std::vector<float> Values;

static std::string folder;

static void write(const std::string &name, const Values &values) {
	FILE *file = std::fopen((folder + "/" + name).c_str(), "wb");
	if (!file || std::fwrite(values.data(), sizeof(float), values.size(), file) != values.size()) std::exit(1);
	std::fclose(file);
}

// Inputs come from files that the test writes: `noise STREAM`, long enough for every case.
static Values noise(unsigned stream, size_t count) {
	Values values(count);
	FILE *file = std::fopen((folder + "/noise " + std::to_string(stream)).c_str(), "rb");
	if (!file || std::fread(values.data(), sizeof(float), count, file) != count) std::exit(1);
	std::fclose(file);
	return values;
}

static unsigned blocks(size_t count, size_t each) { return (unsigned)((count + each - 1) / each); }

// The launches of cuda.rs: one thread per element, 16 × 8 threads for 8 rows, 256 threads per tile of 64 × 64.
static void elements(size_t count, const std::function<void()> &kernel) { launch({ blocks(count, 256), 1, 1 }, { 256, 1, 1 }, kernel); }
static void sums(size_t rows, const std::function<void()> &kernel) { launch({ blocks(rows, 8), 1, 1 }, { 16, 8, 1 }, kernel); }
static void tiles(size_t m, size_t n, size_t batch, const std::function<void()> &kernel) {
	launch({ blocks(n, 64), blocks(m, 64), (unsigned)batch }, { 256, 1, 1 }, kernel);
}

struct Operand {
	const float *data;
	size_t batch, lane, k;
};

static Values product(size_t batch, size_t m, size_t n, size_t k, Operand a, Operand b, const float *bias) {
	Values c(batch * m * n);
	tiles(m, n, batch, [&] {
		matmul(m, n, k, a.data, a.batch, a.lane, a.k, b.data, b.batch, b.lane, b.k, c.data(), m * n, bias != nullptr, bias);
	});
	return c;
}

static std::string joined(std::initializer_list<size_t> numbers) {
	std::string text;
	for (size_t number : numbers) text += (text.empty() ? "" : "x") + std::to_string(number);
	return text;
}

static void functions() {
	const size_t count = 10001;
	Values x;
	for (size_t i = 0; i < count; i++) x.push_back(((float)i - (float)count / 2.0f) * (160.0f / (float)count));
	for (float value : noise(40, count)) x.push_back(value);
	const char *names[] = { "exp", "tanh", "sigmoid", "silu", "gelu_tanh", "gelu_erf", "quick_gelu", "relu" };
	for (int which = 0; which < 8; which++) {
		Values y(x.size());
		elements(x.size(), [&] { unary(x.size(), which, x.data(), y.data()); });
		write(names[which], y);
	}
}

static void products() {
	const size_t shapes[][3] = { { 1, 1300, 70 }, { 2, 513, 33 }, { 13, 600, 50 }, { 130, 30, 20 }, { 132, 64, 160 } };
	for (auto [m, k, n] : shapes) {
		Values a = noise(1, m * k), b = noise(2, k * n);
		write("matmul " + joined({ m, k, n }), product(1, m, n, k, { a.data(), 0, k, 1 }, { b.data(), 0, 1, n }, nullptr));
	}
	const size_t linear[][3] = { { 1, 1200, 100 }, { 3, 70, 33 }, { 40, 96, 64 } };
	for (auto [m, k, n] : linear) {
		Values x = noise(5, m * k), w = noise(6, n * k), b = noise(7, n);
		write("linear " + joined({ m, k, n }), product(1, m, n, k, { x.data(), 0, k, 1 }, { w.data(), 0, k, 1 }, b.data()));
	}
	const size_t convolutions[][7] = {
		{ 2, 3, 16, 9, 3, 1, 1 }, { 1, 70, 20, 8, 3, 1, 1 }, { 3, 20, 13, 7, 3, 2, 1 }, { 2, 33, 40, 6, 1, 1, 0 }, { 2, 5, 6, 8, 4, 2, 1 },
	};
	for (auto [b, ci, co, size, kernel, stride, padding] : convolutions) {
		size_t h = size, w = size + 1, oh = (h + 2 * padding - kernel) / stride + 1, ow = (w + 2 * padding - kernel) / stride + 1;
		Values x = noise(10, b * ci * h * w), weight = noise(11, co * ci * kernel * kernel), bias = noise(12, co), y(b * co * oh * ow);
		size_t batch = b, inputs = ci, outputs = co, k = kernel, s = stride, p = padding;
		tiles(outputs, batch * oh * ow, 1, [&] {
			conv2d(batch, inputs, outputs, h, w, k, k, oh, ow, s, p, x.data(), weight.data(), y.data(), 1, bias.data());
		});
		write("conv " + std::to_string(b) + "x" + std::to_string(ci) + "->" + std::to_string(co) + " " + std::to_string(size) +
				  " kernel " + std::to_string(kernel) + " stride " + std::to_string(stride),
			y);
	}
}

// As `attention` of cuda.rs, thirteen rows at a time.
static void attention(size_t heads, size_t key_heads, size_t lq, size_t lk, size_t d, long long causal, const std::string &name) {
	size_t rows = heads / key_heads * lq;
	Values q = noise(20, heads * lq * d), k = noise(21, key_heads * lk * d), v = noise(22, key_heads * lk * d);
	Values scaled(q.size()), out(q.size());
	elements(q.size(), [&] { scale(q.size(), 0.25f, q.data(), scaled.data()); });
	for (size_t first = 0; first < rows; first += 13) {
		size_t part = rows - first < 13 ? rows - first : 13, count = key_heads * part;
		Operand left = { scaled.data() + first * d, rows * d, d, 1 };
		Values scores = product(key_heads, part, lk, d, left, { k.data(), lk * d, d, 1 }, nullptr), inverse(count);
		sums(count, [&] { exponentiate(count, part, lk, first, lq, causal, scores.data(), scores.data(), inverse.data()); });
		Operand weights = { scores.data(), part * lk, lk, 1 };
		Values sum = product(key_heads, part, d, lk, weights, { v.data(), lk * d, 1, d }, nullptr), result(sum.size());
		elements(sum.size(), [&] { scale_rows(sum.size(), d, 0.0f, sum.data(), inverse.data(), result.data()); });
		elements(sum.size(), [&] {
			copy_blocks(sum.size(), part * d, part * d, rows * d, result.data(), out.data() + first * d);
		});
	}
	write(name, out);
}

static void norms() {
	size_t rows = 37, n = 83;
	Values x = noise(33, rows * n), w = noise(34, n), b = noise(35, n), mean(rows), inverse(rows), y(rows * n);
	sums(rows, [&] { moments(rows, n, (float)n, 1e-5f, x.data(), mean.data(), inverse.data()); });
	elements(y.size(), [&] {
		normalise(y.size(), n, 1, n, -1, x.data(), mean.data(), inverse.data(), w.data(), b.data(), y.data());
	});
	write("layer_norm", y);
	sums(rows, [&] { root_mean_squares(rows, n, (float)n, 1e-6f, x.data(), inverse.data()); });
	elements(y.size(), [&] { rms_scale(y.size(), n, x.data(), inverse.data(), w.data(), y.data()); });
	write("rms_norm", y);

	size_t channels = 32, plane = 576, count = 2 * channels * plane, group = channels / 8 * plane, groups = count / group;
	x = noise(60, count), w = noise(61, channels), b = noise(62, channels), mean = inverse = Values(groups), y = Values(count);
	sums(groups, [&] { moments(groups, group, (float)group, 1e-5f, x.data(), mean.data(), inverse.data()); });
	elements(count, [&] {
		normalise(count, group, plane, channels, -1, x.data(), mean.data(), inverse.data(), w.data(), b.data(), y.data());
	});
	write("group_norm large", y);

	rows = 9, n = 133;
	x = noise(36, rows * n), y = Values(rows * n), inverse = Values(rows);
	Values weights(rows * n);
	sums(rows, [&] { exponentiate(rows, rows, n, 0, rows, -1, x.data(), weights.data(), inverse.data()); });
	elements(y.size(), [&] { scale_rows(y.size(), n, -0.0f, weights.data(), inverse.data(), y.data()); });
	write("softmax", y);

	x = noise(37, 4097), y = Values(1);
	sums(1, [&] { sum_all(4097, 1.0f, x.data(), y.data()); });
	write("sum_all", y);
	x = noise(38, 33 * 77);
	sums(1, [&] { sum_all(33 * 77, 33.0f * 77.0f, x.data(), y.data()); });
	write("mean_all", y);
}

static void others() {
	Values x = noise(25, 3 * 9 * 16), cosines = noise(23, 9 * 8), sines = noise(24, 9 * 8), y(x.size());
	elements(x.size() / 2, [&] { rope(x.size() / 2, 8, 9, x.data(), cosines.data(), sines.data(), y.data()); });
	write("rope", y);
	Values factors = noise(46, 10), shifts = noise(47, 10);
	x = noise(45, 420), y = Values(420);
	elements(420, [&] { channel_affine(420, 42, x.data(), factors.data(), shifts.data(), y.data()); });
	write("channel_affine", y);
	Values bias = noise(44, 5);
	x = noise(43, 630), y = Values(630);
	elements(630, [&] { add_bias(630, 42, 5, x.data(), bias.data(), y.data()); });
	write("add_channel_bias", y);
	x = noise(41, 37 * 19), bias = noise(42, 19), y = Values(37 * 19);
	elements(y.size(), [&] { add_bias(y.size(), 1, 19, x.data(), bias.data(), y.data()); });
	write("add_bias", y);
	x = noise(48, 210), y = Values(840);
	elements(840, [&] { upsample_nearest2x(840, 7, x.data(), y.data()); });
	write("upsample_nearest2x", y);
	Values table = noise(49, 13 * 9);
	std::vector<unsigned> ids;
	for (unsigned i = 0; i < 40; i++) ids.push_back(i * i % 13);
	y = Values(40 * 9);
	elements(y.size(), [&] { embedding(y.size(), 9, ids.data(), table.data(), y.data()); });
	write("embedding", y);
}

int main(int, char **arguments) {
	folder = arguments[1];
	functions();
	products();
	attention(2, 2, 100, 100, 16, -1, "attention 2_2 100x100x16 causal None");
	attention(4, 2, 17, 17, 8, 0, "attention 4_2 17x17x8 causal Some(0)");
	attention(2, 1, 1, 700, 16, 699, "attention 2_1 1x700x16 causal Some(699)");
	attention(1, 1, 20, 77, 40, -1, "attention 1_1 20x77x40 causal None");
	norms();
	others();
	return 0;
}
