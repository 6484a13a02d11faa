//! The picture data set: one coloured shape with a dark outline on a background, and a sentence that says so.
//!
//! Every picture is computed from signed distances with `libm` and plain f32 arithmetic, so the set needs no files and
//! has the same bits on every machine. Distances follow Inigo Quilez, "2D distance functions" (iquilezles.org).

use crate::draws::Draws;
use std::collections::BTreeSet;

/// Width and height of a picture in pixels.
pub const SIZE: usize = 64;
/// Version of the generator; it changes whenever a picture or a sentence changes.
pub const VERSION: &str = "shapes-1";

/// A colour of a shape: its word and 8-bit RGB.
pub const COLOURS: [(&str, [u8; 3]); 8] = [
	("red", [222, 40, 40]),
	("orange", [246, 138, 24]),
	("yellow", [250, 218, 48]),
	("green", [40, 168, 72]),
	("blue", [40, 90, 224]),
	("purple", [142, 62, 200]),
	("pink", [246, 112, 176]),
	("white", [250, 250, 250]),
];

/// The shapes. The first word is used most, the others are synonyms.
pub const SHAPES: [&[&str]; 9] = [
	&["circle", "disc", "ball"],
	&["square", "box"],
	&["triangle"],
	&["star"],
	&["heart"],
	&["ring", "donut"],
	&["diamond"],
	&["crescent", "moon"],
	&["smiling face", "smiley", "happy face"],
];

/// A background: its name, the colours of its top and bottom row and the phrases for it.
pub struct Background {
	/// The word before "background".
	pub name: &'static str,
	/// 8-bit RGB of the top row.
	pub top: [u8; 3],
	/// 8-bit RGB of the bottom row; rows between are mixed linearly.
	pub bottom: [u8; 3],
	/// Phrases that end a sentence.
	pub phrases: &'static [&'static str],
}

/// The backgrounds; the last one also has stars.
pub const BACKGROUNDS: [Background; 7] = [
	Background {
		name: "black",
		top: [10, 10, 14],
		bottom: [10, 10, 14],
		phrases: &["on a black background", "on black", "in the dark"],
	},
	Background {
		name: "white",
		top: [246, 246, 246],
		bottom: [246, 246, 246],
		phrases: &["on a white background", "on white", "on paper"],
	},
	Background {
		name: "sky",
		top: [104, 176, 240],
		bottom: [196, 228, 252],
		phrases: &["in the sky", "on a sky background", "on a blue background"],
	},
	Background {
		name: "grass",
		top: [116, 188, 92],
		bottom: [62, 134, 58],
		phrases: &["on grass", "on the grass", "on a green background", "in a meadow"],
	},
	Background {
		name: "sand",
		top: [236, 214, 160],
		bottom: [216, 186, 122],
		phrases: &["on sand", "on a sand background", "on the beach"],
	},
	Background {
		name: "pink",
		top: [252, 204, 220],
		bottom: [252, 204, 220],
		phrases: &["on a pink background", "on pink"],
	},
	Background {
		name: "night",
		top: [14, 16, 52],
		bottom: [40, 38, 98],
		phrases: &["in the night sky", "at night", "on a starry night", "on a night background"],
	},
];
const NIGHT: usize = 6;

/// Stars of the night background: x and y in pixels and radius in tenths of a pixel.
const STARS: [(u8, u8, u8); 14] = [
	(6, 7, 11),
	(17, 4, 8),
	(29, 8, 9),
	(43, 4, 11),
	(57, 9, 9),
	(4, 22, 8),
	(60, 24, 11),
	(5, 39, 10),
	(59, 43, 8),
	(8, 55, 9),
	(20, 60, 11),
	(34, 58, 8),
	(47, 60, 10),
	(58, 57, 10),
];

/// Radius of a shape in pixels, by size: small, usual, big.
const RADII: [f32; 3] = [13.0, 19.0, 25.0];
const SIZES: [&[&str]; 3] = [&["small", "little"], &[""], &["big", "large"]];

/// What one picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
	/// Index into [`COLOURS`].
	pub colour: usize,
	/// Index into [`SHAPES`].
	pub shape: usize,
	/// Index into [`BACKGROUNDS`].
	pub background: usize,
	/// 0 small, 1 usual, 2 big.
	pub size: usize,
	/// Displacement from the centre in pixels, right and down.
	pub shift: [f32; 2],
	/// Factor on the radius, near 1.
	pub scale: f32,
}

/// A sentence about a scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
	/// The sentence, lower case, at most 14 words.
	pub text: String,
	/// Whether it says the colour.
	pub names_colour: bool,
	/// Whether it says the background.
	pub names_background: bool,
}

impl Scene {
	/// A random scene. `jitter` in 0..=1 scales the displacement (2 pixels) and the change of size (4 %).
	pub fn draw(draws: &mut Draws, jitter: f32) -> Self {
		let colour = draws.below(COLOURS.len());
		let shape = draws.below(SHAPES.len());
		let background = draws.below(BACKGROUNDS.len());
		let size = [1, 1, 1, 1, 1, 1, 0, 2][draws.below(8)];
		let shift = [2.0 * jitter * draws.signed(), 2.0 * jitter * draws.signed()];
		Self { colour, shape, background, size, shift, scale: 1.0 + 0.04 * jitter * draws.signed() }
	}

	/// A sentence for the scene. Now and then it leaves the background or the colour open.
	pub fn prompt(&self, draws: &mut Draws) -> Prompt {
		let names_colour = !draws.chance(4);
		let colour = if names_colour { COLOURS[self.colour].0 } else { "" };
		let nouns = SHAPES[self.shape];
		let noun = if draws.chance(75) { nouns[0] } else { draws.pick(nouns) };
		let size = draws.pick(SIZES[self.size]);
		let thing = [*size, colour, noun].iter().filter(|w| !w.is_empty()).copied().collect::<Vec<_>>().join(" ");
		let article = if thing.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
		let ground = &BACKGROUNDS[self.background];
		let place = draws.pick(ground.phrases);
		let mut names_background = true;
		let text = match draws.below(16) {
			0..=5 => format!("{article} {thing} {place}"),
			6 | 7 => format!("{thing}, {} background", ground.name),
			8 => format!("draw {article} {thing} {place}"),
			9 => format!("please paint {article} {thing} {place}"),
			10 => format!("a picture of {article} {thing} {place}"),
			11 => format!("{thing} {place}"),
			12 => format!("{place}, {article} {thing}"),
			13 => format!("one {thing} {place}"),
			14 => format!("{article} {thing} on a {} background", ground.name),
			_ if draws.chance(50) => {
				names_background = false;
				format!("{article} {thing}")
			}
			_ => format!("the {thing} {place}"),
		};
		Prompt { text, names_colour, names_background }
	}

	/// The picture as planes (3, 64, 64) with values in [-1, 1].
	pub fn render(&self) -> Vec<f32> {
		let radius = RADII[self.size] * self.scale;
		let (cx, cy) = (31.5 + self.shift[0], 31.5 + self.shift[1]);
		let fill = COLOURS[self.colour].1.map(|v| f32::from(v) / 255.0);
		let ground = &BACKGROUNDS[self.background];
		let mut out = vec![0f32; 3 * SIZE * SIZE];
		for row in 0..SIZE {
			let mix = row as f32 / (SIZE - 1) as f32;
			for col in 0..SIZE {
				let (x, y) = ((col as f32 - cx) / radius, (cy - row as f32) / radius);
				let distance = distance(self.shape, x, y) * radius;
				let cover = coverage(distance);
				let inside = coverage(distance + 2.2);
				let ink = if self.shape == 8 { face(x, y, radius) } else { 0.0 };
				let star = if self.background == NIGHT { starlight(col as f32, row as f32) } else { 0.0 };
				for (c, fill) in fill.iter().enumerate() {
					let (top, bottom) = (f32::from(ground.top[c]) / 255.0, f32::from(ground.bottom[c]) / 255.0);
					let behind = top + (bottom - top) * mix;
					let behind = behind + (0.95 - behind) * star;
					let body = fill * (0.42 + 0.58 * inside);
					let body = body + (0.1 - body) * ink;
					let value = behind + (body - behind) * cover;
					out[(c * SIZE + row) * SIZE + col] = value * 2.0 - 1.0;
				}
			}
		}
		out
	}
}

/// Every word a prompt can contain, sorted.
pub fn words() -> BTreeSet<String> {
	let fixed = "a an the on in one draw please paint picture of background , . at and with show me image big small";
	let mut phrases: Vec<&str> = vec![fixed];
	phrases.extend(COLOURS.iter().map(|c| c.0));
	phrases.extend(SHAPES.iter().flat_map(|s| s.iter().copied()));
	phrases.extend(SIZES.iter().flat_map(|s| s.iter().copied()));
	for ground in &BACKGROUNDS {
		phrases.push(ground.name);
		phrases.extend(ground.phrases);
	}
	phrases.iter().flat_map(|p| p.split_whitespace()).map(str::to_owned).collect()
}

/// Rearranges planes (3, 64, 64) to (3·f², 64/f, 64/f): channel `c·f² + dy·f + dx` holds pixel (dy, dx) of each block
/// of f × f pixels, as PyTorch's `PixelUnshuffle`. `factor` must divide 64.
pub fn pixel_unshuffle(planes: &[f32], factor: usize) -> Vec<f32> {
	let side = SIZE / factor;
	let mut out = vec![0f32; planes.len()];
	for (i, value) in planes.iter().enumerate() {
		let (c, row, col) = (i / (SIZE * SIZE), i / SIZE % SIZE, i % SIZE);
		let channel = (c * factor + row % factor) * factor + col % factor;
		out[(channel * side + row / factor) * side + col / factor] = *value;
	}
	out
}

/// Share of a pixel that lies inside, for a signed distance in pixels.
fn coverage(distance: f32) -> f32 {
	clamp(0.5 - distance, 0.0, 1.0)
}

fn clamp(x: f32, low: f32, high: f32) -> f32 {
	if x < low {
		low
	} else if x > high {
		high
	} else {
		x
	}
}

fn max(a: f32, b: f32) -> f32 {
	if a > b {
		a
	} else {
		b
	}
}

fn length(x: f32, y: f32) -> f32 {
	libm::sqrtf(x * x + y * y)
}

fn sign(x: f32) -> f32 {
	if x < 0.0 {
		-1.0
	} else {
		1.0
	}
}

/// Signed distance to the shape of radius about 1, y upwards; negative inside.
fn distance(shape: usize, x: f32, y: f32) -> f32 {
	let ax = libm::fabsf(x);
	let ay = libm::fabsf(y);
	match shape {
		1 => {
			let (dx, dy) = (ax - 0.84, ay - 0.84);
			let inner = max(dx, dy);
			length(max(dx, 0.0), max(dy, 0.0)) + if inner < 0.0 { inner } else { 0.0 }
		}
		2 => triangle(ax, y + 0.2),
		3 => star(ax, y + 0.05),
		4 => heart(ax * 0.6, y * 0.6 + 0.56) / 0.6,
		5 => libm::fabsf(length(x, y) - 0.72) - 0.27,
		6 => (ax / 0.74 + ay / 1.05 - 1.0) * 0.605,
		7 => max(length(x, y) - 1.0, 0.86 - length(x - 0.5, y - 0.16)),
		_ => length(x, y) - 1.0,
	}
}

fn triangle(ax: f32, y: f32) -> f32 {
	const HALF: f32 = 0.98;
	const K: f32 = 1.732_050_8;
	let (mut px, mut py) = (ax - HALF, y + HALF / K);
	if px + K * py > 0.0 {
		(px, py) = ((px - K * py) / 2.0, (-K * px - py) / 2.0);
	}
	px -= clamp(px, -2.0 * HALF, 0.0);
	-length(px, py) * sign(py)
}

fn star(ax: f32, y: f32) -> f32 {
	const OUTER: f32 = 1.08;
	const INNER: f32 = 0.5;
	const KX: f32 = 0.809_017;
	const KY: f32 = -0.587_785_25;
	let (mut px, mut py) = (ax, y);
	let d = 2.0 * max(KX * px + KY * py, 0.0);
	px -= d * KX;
	py -= d * KY;
	let d = 2.0 * max(-KX * px + KY * py, 0.0);
	px += d * KX;
	py -= d * KY;
	px = libm::fabsf(px);
	py -= OUTER;
	let (bx, by) = (INNER * -KY, INNER * KX - 1.0);
	let h = clamp((px * bx + py * by) / (bx * bx + by * by), 0.0, OUTER);
	length(px - bx * h, py - by * h) * sign(py * bx - px * by)
}

fn heart(ax: f32, y: f32) -> f32 {
	if y + ax > 1.0 {
		return length(ax - 0.25, y - 0.75) - 0.353_553_4;
	}
	let along = 0.5 * max(ax + y, 0.0);
	let (a, b) = (ax * ax + (y - 1.0) * (y - 1.0), (ax - along) * (ax - along) + (y - along) * (y - along));
	libm::sqrtf(if a < b { a } else { b }) * sign(ax - y)
}

/// Ink of eyes and mouth, 0 to 1.
fn face(x: f32, y: f32, radius: f32) -> f32 {
	let eye = length(libm::fabsf(x) - 0.34, (y - 0.26) * 0.8) - 0.14;
	let smile = max(libm::fabsf(length(x, y - 0.02) - 0.54) - 0.085, y + 0.16);
	coverage(if eye < smile { eye } else { smile } * radius)
}

fn starlight(x: f32, y: f32) -> f32 {
	STARS.iter().fold(0.0, |light, &(sx, sy, r)| {
		let cover = coverage(length(x - f32::from(sx), y - f32::from(sy)) - f32::from(r) / 10.0);
		max(light, cover)
	})
}
