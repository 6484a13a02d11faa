//! How much memory a parser takes at most, on the thread that it runs on.

use std::{
	alloc::{GlobalAlloc, Layout, System},
	cell::Cell,
};

thread_local! {
	/// Bytes taken and not given back since [`peak`] began; negative when older ones were given back.
	static LIVE: Cell<isize> = const { Cell::new(0) };
	/// The most that [`LIVE`] has been.
	static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with a count of what each thread takes.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(change: isize) {
	// A thread that ends has no count any more.
	let _ = LIVE.try_with(|live| {
		live.set(live.get().saturating_add(change));
		let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
	});
}

// SAFETY: every call goes to the system's allocator as it came. Counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
	unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
		count(layout.size() as isize);
		// SAFETY: the caller keeps the contract of `alloc`.
		unsafe { System.alloc(layout) }
	}

	unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
		count(layout.size() as isize);
		// SAFETY: the caller keeps the contract of `alloc_zeroed`.
		unsafe { System.alloc_zeroed(layout) }
	}

	unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
		count(-(layout.size() as isize));
		// SAFETY: the caller keeps the contract of `dealloc`.
		unsafe { System.dealloc(pointer, layout) }
	}

	unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
		count((size as isize).saturating_sub(layout.size() as isize));
		// SAFETY: the caller keeps the contract of `realloc`.
		unsafe { System.realloc(pointer, layout, size) }
	}
}

/// Runs something and says how many bytes of memory it had at most at one time.
pub(crate) fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
	LIVE.set(0);
	PEAK.set(0);
	let value = run();
	(value, usize::try_from(PEAK.get()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn peak_should_count_what_is_given_back_too() {
		let (length, taken) = peak(|| {
			drop(vec![1u8; 1 << 20]);
			vec![1u8; 1 << 10].len()
		});
		assert_eq!(length, 1 << 10);
		assert!((1 << 20..1 << 21).contains(&taken), "{taken}");
	}
}
