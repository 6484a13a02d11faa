//! Changes to a file such as accidents and attackers make.

use proptest::{collection::vec, prelude::*, sample::Index};

/// Numbers that overflow something.
const ABSURD: [&str; 12] = [
	"0",
	"-1",
	"1.5",
	"1e300",
	"255",
	"65536",
	"2147483648",
	"4294967295",
	"4294967296",
	"9223372036854775807",
	"18446744073709551615",
	"99999999999999999999999",
];
/// Words that mean something to one of the parsers.
const WORDS: [&str; 28] = [
	"null",
	"true",
	"[]",
	"{}",
	"\"\"",
	"[[[[[[[[[[[[[[[[",
	"{\"a\":{\"a\":{\"a\":{\"a\":",
	"../",
	"/etc/passwd",
	"a//b",
	"..\\\\..\\\\",
	"\\u0000",
	"\\u001b[2J",
	"\\ud800",
	"\u{feff}",
	"NaN",
	",",
	"\"__metadata__\":",
	"PK\u{3}\u{4}",
	"GGUF",
	"[[",
	"..",
	"\0",
	".weight",
	".alpha",
	"{% for a in range(9999) %}",
	"{{ messages }}",
	"{% set ns = namespace(x=1) %}",
];

#[derive(Clone, Debug)]
enum Change {
	/// Other bits of one byte.
	Flip(Index, u8),
	/// The file ends here.
	Cut(Index),
	/// Bytes go in.
	Insert(Index, Vec<u8>),
	/// A word goes in, or takes the place of as many bytes.
	Word(Index, Index, bool),
	/// The next number becomes another one.
	Number(Index, Index),
	/// A part of the file stands there once more.
	Repeat(Index, u8),
	/// A part of the file is gone.
	Remove(Index, u8),
	/// A length of eight bytes at the beginning, or at any place.
	Length(Option<Index>, u64),
}

fn change() -> impl Strategy<Value = Change> {
	let length = prop_oneof![
		any::<u64>(),
		0..1024u64,
		Just(u64::MAX),
		Just(u64::MAX - 7),
		Just(1 << 63),
		Just(1 << 40),
		Just(16 << 20)
	];
	prop_oneof![
		(any::<Index>(), 1u8..).prop_map(|(at, bits)| Change::Flip(at, bits)),
		any::<Index>().prop_map(Change::Cut),
		(any::<Index>(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
		(any::<Index>(), any::<Index>(), any::<bool>()).prop_map(|(at, word, over)| Change::Word(at, word, over)),
		(any::<Index>(), any::<Index>()).prop_map(|(at, number)| Change::Number(at, number)),
		(any::<Index>(), any::<u8>()).prop_map(|(at, bytes)| Change::Repeat(at, bytes)),
		(any::<Index>(), any::<u8>()).prop_map(|(at, bytes)| Change::Remove(at, bytes)),
		(proptest::option::of(any::<Index>()), length).prop_map(|(at, length)| Change::Length(at, length)),
	]
}

/// Copies of seeds, each with up to five changes.
pub(crate) fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
	(any::<Index>(), vec(change(), 0..6)).prop_map(move |(seed, changes)| {
		let mut bytes = seed.get(&seeds).clone();
		changes.iter().for_each(|change| apply(change, &mut bytes));
		bytes
	})
}

/// A place in a file, or its end.
fn place(at: &Index, bytes: &[u8]) -> usize {
	at.index(bytes.len() + 1)
}

fn apply(change: &Change, bytes: &mut Vec<u8>) {
	match change {
		Change::Flip(at, bits) => {
			let at = place(at, bytes);
			if let Some(byte) = bytes.get_mut(at) {
				*byte ^= bits;
			}
		}
		Change::Cut(at) => bytes.truncate(place(at, bytes)),
		Change::Insert(at, new) => {
			let at = place(at, bytes);
			bytes.splice(at..at, new.iter().copied());
		}
		Change::Word(at, word, over) => {
			let (at, word) = (place(at, bytes), word.get(&WORDS).as_bytes());
			let end = if *over { (at + word.len()).min(bytes.len()) } else { at };
			bytes.splice(at..end, word.iter().copied());
		}
		Change::Number(at, number) => {
			let at = place(at, bytes);
			let start = (at..bytes.len()).find(|at| bytes[*at].is_ascii_digit());
			let Some(start) = start else { return };
			let end = (start..bytes.len()).find(|at| !bytes[*at].is_ascii_digit()).unwrap_or(bytes.len());
			bytes.splice(start..end, number.get(&ABSURD).bytes());
		}
		Change::Repeat(at, count) => {
			let at = place(at, bytes);
			let part = bytes[at..(at + usize::from(*count)).min(bytes.len())].to_vec();
			bytes.splice(at..at, part);
		}
		Change::Remove(at, count) => {
			let at = place(at, bytes);
			let end = (at + usize::from(*count)).min(bytes.len());
			bytes.drain(at..end);
		}
		Change::Length(at, length) => {
			let at = at.as_ref().map_or(0, |at| place(at, bytes));
			let end = (at + 8).min(bytes.len());
			bytes.splice(at..end, length.to_le_bytes());
		}
	}
}
