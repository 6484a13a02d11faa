//! What operators do, and what they know when they do it.

/// A result, as far as it matters who else has the same one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
	/// What the model makes of the input. Exact inference: everyone who works finds the same.
	Right,
	/// The wrong result that the coalition has agreed upon.
	Lie,
	/// A wrong result that one operator has made up.
	MadeUp(usize),
}

/// When a coalition lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lies {
	/// Only on juries.
	Never,
	/// When it holds every seat, so that no other seat can contradict.
	OnEverySeat,
	/// As soon as it holds more than half of the seats.
	OnMajority,
}

/// When the coalition's jurors vote for its lie. On other juries they do honest work and are paid for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stands {
	/// When they can carry the verdict.
	WhenItCarries,
	/// As soon as they can prevent one.
	WhenItBlocks,
	/// Always: none of them may contradict the others where a lie is to look like a fault of the engine.
	Always,
}

/// How an operator behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conduct {
	/// Does all of its work, in time.
	Honest,
	/// On a seat, makes a result up. Elsewhere honest.
	Lazy,
	/// Copies: on a seat another's commitment, as auditor or juror the digest that is public by then.
	Copying,
	/// On a seat, makes a result up, waits for the others' reveals and reveals its own only if they do not contradict.
	AbortsWhenItPays,
	/// On a seat, commits to something and never reveals.
	AbortsAlways,
	/// Never does anything.
	Offline,
	/// As auditor, contradicts with a result that it has made up. Elsewhere honest.
	FalseAuditor,
	/// One of a coalition that knows all its members at once.
	Colluding {
		/// When it lies.
		lies: Lies,
		/// When its jurors stand by a lie.
		stands: Stands,
	},
}

/// What an operator was drawn for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
	/// A seat on the committee.
	Seat,
	/// The audit.
	Auditor,
	/// A jury.
	Juror,
}

/// What an operator knows when it has to commit.
#[derive(Clone, Copy, Debug)]
pub struct View {
	/// What it was drawn for.
	pub role: Role,
	/// Operators that were drawn with it, itself included.
	pub drawn: usize,
	/// Those of them that belong to its coalition.
	pub allies: usize,
	/// Whether the coalition's lie is what the committee said, or what a challenger says.
	pub lie: bool,
	/// On a jury: whether the coalition can carry the verdict by itself.
	pub carries: bool,
	/// On a jury: whether the coalition can prevent a verdict by itself.
	pub blocks: bool,
}

/// What an operator does when it has to commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
	/// Nothing.
	Nothing,
	/// The work. It ends with the right result and a trace of it.
	Work,
	/// Claims something without work. A made-up trace goes with a made-up result, so every chunk of it can be opened.
	Claim(Claim),
	/// Copies. A copied commitment cannot be opened, and nobody has published the trace behind a copied digest.
	Copy,
}

impl Conduct {
	/// Whether it belongs to the coalition.
	pub fn is_colluding(self) -> bool {
		matches!(self, Self::Colluding { .. })
	}

	/// What it does when operator `who` has to commit.
	pub fn act(self, who: usize, view: View) -> Act {
		match (self, view.role) {
			(Self::Honest, Role::Seat | Role::Auditor | Role::Juror) => Act::Work,
			(Self::Lazy | Self::AbortsWhenItPays | Self::AbortsAlways, Role::Seat) => Act::Claim(Claim::MadeUp(who)),
			(Self::Lazy | Self::AbortsWhenItPays | Self::AbortsAlways, Role::Auditor | Role::Juror) => Act::Work,
			// Alone on a committee there is nobody to copy from.
			(Self::Copying, Role::Seat) if view.drawn == 1 => Act::Work,
			(Self::Copying, Role::Seat | Role::Auditor | Role::Juror) => Act::Copy,
			(Self::Offline, Role::Seat | Role::Auditor | Role::Juror) => Act::Nothing,
			(Self::FalseAuditor, Role::Auditor) => Act::Claim(Claim::MadeUp(who)),
			(Self::FalseAuditor, Role::Seat | Role::Juror) => Act::Work,
			(Self::Colluding { lies, stands }, role) => colluding(lies, stands, role, view),
		}
	}

	/// Whether it looks at the others' reveals before its own.
	pub fn waits(self) -> bool {
		matches!(self, Self::AbortsWhenItPays)
	}

	/// Whether it reveals `own` when `others` are public.
	pub fn reveals(self, own: Claim, others: &[Claim]) -> bool {
		match self {
			Self::AbortsAlways => false,
			Self::AbortsWhenItPays => others.iter().all(|other| *other == own),
			Self::Honest | Self::Lazy | Self::Copying | Self::Offline | Self::FalseAuditor | Self::Colluding { .. } => {
				true
			}
		}
	}
}

fn colluding(lies: Lies, stands: Stands, role: Role, view: View) -> Act {
	let lie = match role {
		Role::Seat => match lies {
			Lies::Never => false,
			Lies::OnEverySeat => view.allies == view.drawn,
			Lies::OnMajority => view.allies * 2 > view.drawn,
		},
		Role::Auditor => view.lie,
		Role::Juror => {
			view.lie
				&& match stands {
					Stands::WhenItCarries => view.carries,
					Stands::WhenItBlocks => view.blocks,
					Stands::Always => true,
				}
		}
	};
	if lie {
		Act::Claim(Claim::Lie)
	} else {
		Act::Work
	}
}
