//! Inference jobs: who earns what when some of the operators do not do their work.
//!
//! [`protocol::play`] plays one job from its draw to its end and returns every transfer of money in it; it changes nothing
//! else, so the same job can be played again with the same chance and honest operators, which is what a cheat is compared
//! with. Every rule that the pallet has in [`pallet_inference::maths`] is called, not written again.

pub mod agents;
pub mod bound;
pub mod dice;
pub mod jury;
pub mod ledger;
pub mod population;
pub mod protocol;
pub mod report;
pub mod rules;
pub mod run;
pub mod scenarios;
pub mod tally;
