//! Governance of the X Community: what it takes to push a harmful proposal through.
//!
//! People who own AUTON, contribute or belong to an AI's community vote with a turnout, mostly against it; AIs decide,
//! also mostly against it; an attacker has whatever an attack says. Each round draws who votes ([`society`]), adds the
//! attacker ([`attacks`]) and asks [`autonomy_governance::decide`], the function that the pallet asks ([`vote`]). Every
//! tally, preference, seat weight, cap and burn is that crate's, not written again.

pub mod attacks;
pub mod bounds;
pub mod budget;
pub mod dice;
pub mod report;
pub mod rules;
pub mod run;
pub mod society;
pub mod tables;
pub mod vote;
