// The numeric specification as CUDA kernels: every output element is the sequence of IEEE 754 operations that
// SPECIFICATION.md gives it, so a GPU computes the bits of a CPU. No tensor cores, no split sums, no contraction: the file
// is compiled with --fmad=false --ftz=false --prec-div=true --prec-sqrt=true, and a fused multiply-add is always written.
//
// Threads share work by output element, or, in a sum, by lane.

#define K_BLOCK 512
#define LANES 16
#define SUM_ROWS 8

__device__ __forceinline__ float from_bits(unsigned bits) { return __uint_as_float(bits); }

// ---- Elementary functions (section 5) ----

__device__ __forceinline__ float exp_exact(float x) {
	// Comparisons in this order keep a NaN.
	if (x < -104.0f) x = -104.0f;
	if (x > 89.0f) x = 89.0f;
	const float round = 12582912.0f;
	float t = fmaf(x, from_bits(0x3fb8aa3bu), round);
	float n = t - round;
	float r = fmaf(n, -from_bits(0x3f317200u), x);
	r = fmaf(n, -from_bits(0x35bfbe8eu), r);
	float p = from_bits(0x3ab4a000u);
	p = fmaf(p, r, from_bits(0x3c092f6eu));
	p = fmaf(p, r, from_bits(0x3d2aadadu));
	p = fmaf(p, r, from_bits(0x3e2aaa28u));
	p = fmaf(p, r, from_bits(0x3efffffbu));
	p = fmaf(p, r, 1.0f);
	p = fmaf(p, r, 1.0f);
	int whole = (int)(__float_as_uint(t) - __float_as_uint(round));
	int half = whole >> 1;
	int rest = (int)((unsigned)whole - (unsigned)half);
	float first = from_bits((unsigned)(half + 127) << 23);
	float second = from_bits((unsigned)(rest + 127) << 23);
	return p * first * second;
}

__device__ __forceinline__ float with_sign_of(float magnitude, float x) {
	return from_bits(__float_as_uint(magnitude) | (__float_as_uint(x) & 0x80000000u));
}

__device__ __forceinline__ float tanh_exact(float x) {
	float a = fabsf(x), s = x * x;
	float large = 1.0f - 2.0f / (exp_exact(2.0f * a) + 1.0f);
	float q = from_bits(0x3c80f000u);
	q = fmaf(q, s, -from_bits(0x3d563b36u));
	q = fmaf(q, s, from_bits(0x3e08591fu));
	q = fmaf(q, s, -from_bits(0x3eaaa9edu));
	float small = fmaf(q * s, a, a);
	return with_sign_of(a < from_bits(0x3f198000u) ? small : large, x);
}

__device__ __forceinline__ float erf_exact(float x) {
	float a = fabsf(x), s = x * x;
	float r = fmaf(-from_bits(0x37910000u), a, from_bits(0x39c8e7dcu));
	float u = fmaf(-from_bits(0x3b7e8a1cu), a, from_bits(0x3cc6b1a1u));
	r = fmaf(r, s, u);
	r = fmaf(r, a, -from_bits(0x3ddaae5cu));
	r = fmaf(r, a, -from_bits(0x3f228550u));
	r = fmaf(r, a, -from_bits(0x3e03ce86u));
	r = fmaf(r, a, -a);
	float large = with_sign_of(1.0f - exp_exact(r), x);
	float q = -from_bits(0x3a1c7000u);
	q = fmaf(q, s, from_bits(0x3ba38d2cu));
	q = fmaf(q, s, -from_bits(0x3cdb48d9u));
	q = fmaf(q, s, from_bits(0x3de70e22u));
	q = fmaf(q, s, -from_bits(0x3ec09380u));
	q = fmaf(q, s, from_bits(0x3e0375d4u));
	float small = fmaf(q, x, x);
	return a > from_bits(0x3f6d8000u) ? large : small;
}

// The numbers of the functions are those of `number` in cuda.rs.
__device__ __forceinline__ float elementary(int which, float x) {
	const float c = from_bits(0x3f4c422au), d = from_bits(0x3d372713u);
	switch (which) {
	case 0:
		return exp_exact(x);
	case 1:
		return tanh_exact(x);
	case 2:
		return 1.0f / (1.0f + exp_exact(-x));
	case 3:
		return x / (1.0f + exp_exact(-x));
	case 4:
		return 0.5f * x * (1.0f + tanh_exact(c * x * (1.0f + d * x * x)));
	case 5:
		return 0.5f * x * (1.0f + erf_exact(x * from_bits(0x3f3504f3u)));
	case 6:
		return x / (1.0f + exp_exact(-from_bits(0x3fd9db23u) * x));
	default:
		return x <= 0.0f ? 0.0f : x;
	}
}

__device__ __forceinline__ size_t index() { return (size_t)blockIdx.x * blockDim.x + threadIdx.x; }

extern "C" __global__ void unary(size_t count, int which, const float *x, float *y) {
	size_t i = index();
	if (i < count) y[i] = elementary(which, x[i]);
}

// y[row, j] = x[row, j] · function(gate[row, j]) for rows of `stride` values in both.
extern "C" __global__ void gated(size_t count, size_t n, size_t stride, int which, const float *x, const float *gate, float *y) {
	size_t i = index();
	if (i >= count) return;
	size_t at = i / n * stride + i % n;
	y[i] = x[at] * elementary(which, gate[at]);
}

// Adds bias[(i / inner) % outer]: a row's bias with inner 1, a channel's with the size of its plane.
extern "C" __global__ void add_bias(size_t count, size_t inner, size_t outer, const float *x, const float *bias, float *y) {
	size_t i = index();
	if (i < count) y[i] = x[i] + bias[i / inner % outer];
}

extern "C" __global__ void channel_affine(size_t count, size_t plane, const float *x, const float *scale, const float *shift, float *y) {
	size_t i = index();
	if (i < count) y[i] = fmaf(x[i], 1.0f + scale[i / plane], shift[i / plane]);
}

extern "C" __global__ void scale(size_t count, float factor, const float *x, float *y) {
	size_t i = index();
	if (i < count) y[i] = x[i] * factor;
}

// ---- Moving values ----

extern "C" __global__ void upsample_nearest2x(size_t count, size_t w, const float *x, float *y) {
	size_t i = index();
	if (i >= count) return;
	size_t row = i / (2 * w), column = i % (2 * w);
	y[i] = x[row / 2 * w + column / 2];
}

extern "C" __global__ void embedding(size_t count, size_t d, const unsigned *ids, const float *table, float *y) {
	size_t i = index();
	if (i < count) y[i] = table[(size_t)ids[i / d] * d + i % d];
}

// x is (units, length, 2 · half), cos and sin are (length, half).
extern "C" __global__ void rope(size_t pairs, size_t half, size_t length, const float *x, const float *cosines, const float *sines, float *y) {
	size_t i = index();
	if (i >= pairs) return;
	size_t row = i / half, j = i % half;
	size_t angle = row % length * half + j, low = row * 2 * half + j, high = low + half;
	float a = x[low], b = x[high], cosine = cosines[angle], sine = sines[angle];
	y[low] = fmaf(a, cosine, -(b * sine));
	y[high] = fmaf(b, cosine, a * sine);
}

// ---- Matrix products (sections 3 and 4) ----

#define TILE 64
#define STEP 16
#define PER 4

struct Strided {
	const float *data;
	size_t lane_stride, k_stride;
	__device__ __forceinline__ float at(size_t lane, size_t p) const { return data[lane * lane_stride + p * k_stride]; }
};

struct Image {
	const float *data;
	size_t inputs, h, w, kh, kw, oh, ow, stride, padding;
	__device__ __forceinline__ float at(size_t pixel, size_t p) const {
		size_t kx = p % kw, ky = p / kw % kh, c = p / (kw * kh);
		size_t ox = pixel % ow, oy = pixel / ow % oh, b = pixel / (ow * oh);
		// Positions outside wrap around to numbers that are too large.
		size_t y = oy * stride + ky - padding, x = ox * stride + kx - padding;
		return y < h && x < w ? data[((b * inputs + c) * h + y) * w + x] : 0.0f;
	}
};

// One tile of C = A · B: element (i, j) is the chain of fused multiply-adds over p, in blocks of 512. `done` is called once
// for every element of the tile.
template <class A, class B, class Done>
__device__ __forceinline__ void product(size_t m, size_t n, size_t k, const A &a, const B &b, const Done &done) {
	__shared__ float a_tile[STEP][TILE];
	__shared__ float b_tile[STEP][TILE];
	size_t row0 = (size_t)blockIdx.y * TILE, column0 = (size_t)blockIdx.x * TILE;
	unsigned thread = threadIdx.x, tx = thread % (TILE / PER), ty = thread / (TILE / PER);
	float sum[PER][PER];
	for (int i = 0; i < PER; i++)
		for (int j = 0; j < PER; j++) sum[i][j] = 0.0f;
	for (size_t k0 = 0; k0 < k; k0 += K_BLOCK) {
		size_t end = k0 + K_BLOCK < k ? k0 + K_BLOCK : k;
		float acc[PER][PER];
		for (int i = 0; i < PER; i++)
			for (int j = 0; j < PER; j++) acc[i][j] = 0.0f;
		for (size_t p0 = k0; p0 < end; p0 += STEP) {
			// Terms past the end are left out, not added as zeros: −0 + 0 is +0.
			unsigned steps = end - p0 < STEP ? (unsigned)(end - p0) : STEP;
			for (unsigned at = thread; at < STEP * TILE; at += blockDim.x) {
				// A neighbour along the lanes, or along k, whichever lies next in memory, is left to the caches.
				unsigned step = at / TILE, lane = at % TILE;
				bool inside = step < steps;
				a_tile[step][lane] = inside && row0 + lane < m ? a.at(row0 + lane, p0 + step) : 0.0f;
				b_tile[step][lane] = inside && column0 + lane < n ? b.at(column0 + lane, p0 + step) : 0.0f;
			}
			__syncthreads();
			for (unsigned step = 0; step < steps; step++) {
				float left[PER], right[PER];
				for (int i = 0; i < PER; i++) left[i] = a_tile[step][ty * PER + i];
				for (int j = 0; j < PER; j++) right[j] = b_tile[step][tx * PER + j];
				for (int i = 0; i < PER; i++)
					for (int j = 0; j < PER; j++) acc[i][j] = fmaf(left[i], right[j], acc[i][j]);
			}
			__syncthreads();
		}
		for (int i = 0; i < PER; i++)
			for (int j = 0; j < PER; j++) sum[i][j] = k0 == 0 ? acc[i][j] : sum[i][j] + acc[i][j];
	}
	for (int i = 0; i < PER; i++)
		for (int j = 0; j < PER; j++) {
			size_t row = row0 + ty * PER + i, column = column0 + tx * PER + j;
			if (row < m && column < n) done(row, column, sum[i][j]);
		}
}

struct Matrix {
	float *data;
	size_t row_stride;
	const float *bias;
	__device__ __forceinline__ void operator()(size_t row, size_t column, float value) const {
		data[row * row_stride + column] = bias ? value + bias[column] : value;
	}
};

// blockIdx.z is the matrix of the batch. `bias`, one value per column, counts if `biased`.
extern "C" __global__ void matmul(
	size_t m, size_t n, size_t k,
	const float *a, size_t a_batch, size_t a_lane, size_t a_k,
	const float *b, size_t b_batch, size_t b_lane, size_t b_k,
	float *c, size_t c_batch, int biased, const float *bias
) {
	size_t batch = blockIdx.z;
	Strided left = { a + batch * a_batch, a_lane, a_k };
	Strided right = { b + batch * b_batch, b_lane, b_k };
	Matrix out = { c + batch * c_batch, n, biased ? bias : nullptr };
	product(m, n, k, left, right, out);
}

struct Planes {
	float *data;
	size_t outputs, plane;
	const float *bias;
	__device__ __forceinline__ void operator()(size_t channel, size_t pixel, float value) const {
		size_t at = (pixel / plane * outputs + channel) * plane + pixel % plane;
		data[at] = bias ? value + bias[channel] : value;
	}
};

extern "C" __global__ void conv2d(
	size_t batch, size_t inputs, size_t outputs, size_t h, size_t w, size_t kh, size_t kw, size_t oh, size_t ow,
	size_t stride, size_t padding, const float *x, const float *weight, float *y, int biased, const float *bias
) {
	size_t k = inputs * kh * kw;
	Strided left = { weight, k, 1 };
	Image right = { x, inputs, h, w, kh, kw, oh, ow, stride, padding };
	Planes out = { y, outputs, oh * ow, biased ? bias : nullptr };
	product(outputs, batch * oh * ow, k, left, right, out);
}

// ---- Sums (section 2) ----

// Sixteen threads (x) add up one row (y) each: the tree 8, 4, 2, 1 over their lanes. All threads of the block take part.
__device__ __forceinline__ float tree(float lane) {
	__shared__ float lanes[SUM_ROWS][LANES];
	unsigned x = threadIdx.x, y = threadIdx.y;
	lanes[y][x] = lane;
	__syncthreads();
	for (unsigned half = LANES / 2; half > 0; half /= 2) {
		if (x < half) lanes[y][x] = lanes[y][x] + lanes[y][x + half];
		__syncthreads();
	}
	float total = lanes[y][0];
	__syncthreads();
	return total;
}

__device__ __forceinline__ float largest(float lane) {
	__shared__ float lanes[SUM_ROWS][LANES];
	unsigned x = threadIdx.x, y = threadIdx.y;
	lanes[y][x] = lane;
	__syncthreads();
	float max = lanes[y][0];
	for (unsigned j = 1; j < LANES; j++) max = lanes[y][j] > max ? lanes[y][j] : max;
	__syncthreads();
	return max;
}

__device__ __forceinline__ float sum_row(const float *x, size_t n) {
	float lane = 0.0f;
	for (size_t i = threadIdx.x; i < n; i += LANES) lane = lane + x[i];
	return tree(lane);
}

// The sum of squared distances from `mean`.
__device__ __forceinline__ float spread_row(const float *x, size_t n, float mean) {
	float lane = 0.0f;
	for (size_t i = threadIdx.x; i < n; i += LANES) {
		float distance = x[i] - mean;
		lane = fmaf(distance, distance, lane);
	}
	return tree(lane);
}

__device__ __forceinline__ size_t sum_index() { return (size_t)blockIdx.x * blockDim.y + threadIdx.y; }

// A row past the last takes part in the barriers with no values.
extern "C" __global__ void sum_all(size_t n, float divisor, const float *x, float *y) {
	size_t row = sum_index();
	float total = sum_row(x, row == 0 ? n : 0);
	if (row == 0 && threadIdx.x == 0) y[0] = total / divisor;
}

// ---- Norms (section 6) ----

// Mean and inverse deviation of every row of n values.
extern "C" __global__ void moments(size_t rows, size_t n, float count, float eps, const float *x, float *mean, float *inverse) {
	size_t row = sum_index(), len = row < rows ? n : 0;
	const float *values = x + (row < rows ? row * n : 0);
	float middle = sum_row(values, len) / count;
	float variance = spread_row(values, len, middle) / count;
	if (row < rows && threadIdx.x == 0) {
		mean[row] = middle;
		inverse[row] = 1.0f / sqrtf(variance + eps);
	}
}

// 1 / sqrt(mean square + eps) of every row; the mean is not taken off.
extern "C" __global__ void root_mean_squares(size_t rows, size_t n, float count, float eps, const float *x, float *inverse) {
	size_t row = sum_index(), len = row < rows ? n : 0;
	const float *values = x + (row < rows ? row * n : 0);
	float lane = 0.0f;
	for (size_t i = threadIdx.x; i < len; i += LANES) lane = fmaf(values[i], values[i], lane);
	float square = tree(lane) / count;
	if (row < rows && threadIdx.x == 0) inverse[row] = 1.0f / sqrtf(square + eps);
}

// y = fma((x − mean) · inverse, weight, bias), then an activation where `which` is not negative. Statistics are per group of
// `group` values; the parameter of value i is (i / inner) % outer.
extern "C" __global__ void normalise(
	size_t count, size_t group, size_t inner, size_t outer, int which,
	const float *x, const float *mean, const float *inverse, const float *weight, const float *bias, float *y
) {
	size_t i = index();
	if (i >= count) return;
	size_t at = i / group, parameter = i / inner % outer;
	float unit = (x[i] - mean[at]) * inverse[at];
	float value = fmaf(unit, weight[parameter], bias[parameter]);
	y[i] = which < 0 ? value : elementary(which, value);
}

extern "C" __global__ void rms_scale(size_t count, size_t n, const float *x, const float *inverse, const float *weight, float *y) {
	size_t i = index();
	if (i < count) y[i] = (x[i] * inverse[i / n]) * weight[i % n];
}

// ---- Softmax and attention (section 7) ----

// Replaces the values of a row that it sees by e^(x − max), the others by +0; writes 1 / sum to `inverse`. Row r of `rows`
// rows per unit starts at position (first + r) % length and sees `causal` + that position + 1 values, all if causal < 0.
extern "C" __global__ void exponentiate(
	size_t total, size_t rows, size_t n, size_t first, size_t length, long long causal, const float *x, float *y, float *inverse
) {
	size_t row = sum_index();
	bool inside = row < total;
	size_t seen = inside ? n : 0;
	if (inside && causal >= 0) {
		size_t limit = (size_t)causal + (first + row % rows) % length + 1;
		seen = limit < n ? limit : n;
	}
	const float *values = x + (inside ? row * n : 0);
	float *out = y + (inside ? row * n : 0);
	float lane = from_bits(0xff800000u);
	for (size_t i = threadIdx.x; i < seen; i += LANES) lane = values[i] > lane ? values[i] : lane;
	float max = largest(lane);
	lane = 0.0f;
	for (size_t i = threadIdx.x; i < seen; i += LANES) {
		float value = exp_exact(values[i] - max);
		out[i] = value;
		lane = lane + value;
	}
	for (size_t i = threadIdx.x; inside && i < n; i += LANES)
		if (i >= seen) out[i] = 0.0f;
	float sum = tree(lane);
	if (inside && threadIdx.x == 0) inverse[row] = 1.0f / sum;
}

// y[i] = x[i] · factor[i / n] + addend: +0 turns −0 into +0, −0 changes nothing.
extern "C" __global__ void scale_rows(size_t count, size_t n, float addend, const float *x, const float *factor, float *y) {
	size_t i = index();
	if (i < count) y[i] = x[i] * factor[i / n] + addend;
}

// Copies block `unit` of `count` values from x[unit · x_stride] to y[unit · y_stride].
extern "C" __global__ void copy_blocks(size_t total, size_t count, size_t x_stride, size_t y_stride, const float *x, float *y) {
	size_t i = index();
	if (i < total) y[i / count * y_stride + i % count] = x[i / count * x_stride + i % count];
}
