use codec::MaxEncodedLen;
use sp_runtime::AccountId32;

use crate::{mock::*, AiSeatOf, Ballot, ChildPoll, CommunityInfoOf, ProposalOf, Template, VoterKey};

#[test]
fn records_should_stay_within_their_sizes() {
	let sizes = [
		("ballot", Ballot::max_encoded_len(), 60),
		("voter", VoterKey::<AccountId32>::max_encoded_len(), 34),
		("community", CommunityInfoOf::<Test>::max_encoded_len(), 100),
		("seat of an AI", AiSeatOf::<Test>::max_encoded_len(), 60),
		("poll below", ChildPoll::max_encoded_len(), 480),
		("proposal", ProposalOf::<Test>::max_encoded_len(), 1_600),
		("template", Template::max_encoded_len(), 250),
	];
	for (name, size, most) in sizes {
		println!("{name}: at most {size} bytes");
		assert!(size <= most, "{name}: {size} bytes, {most} at most");
	}
}
