//! Runtime API of the characters pallet.

use autonomy_primitives::{community::CommunityId, payout::CharacterPayees, CharacterId, JobId};
use codec::Codec;

use crate::types::{
	CharacterPage, CheckError, Collective, CollectiveId, Customisation, FanPage, Memory, Round, RoundQuote, RoundTerms,
	Seat, Talk, Template, TemplateId, TemplateVersion,
};

sp_api::decl_runtime_apis! {
	/// Reads of characters for clients. `pallet-characters` has a view function of the same name for each.
	pub trait CharactersApi<AccountId, AssetId, Balance, BlockNumber> where
		AccountId: Codec,
		AssetId: Codec,
		Balance: Codec,
		BlockNumber: Codec,
	{
		/// The newest version of a template, with its number.
		fn template(template: TemplateId) -> Option<(TemplateVersion, Template<Balance, BlockNumber>)>;
		/// What is wrong with a template: the field, its value and what it may be.
		fn check_template(bounds: Template<Balance, BlockNumber>) -> Result<(), CheckError>;
		/// A template's defaults, as a character is that chooses nothing.
		fn default_customisation(template: TemplateId) -> Option<Customisation<Balance>>;
		/// What is out of bounds of a template: the field, its value and what it may be. Nothing when there is no such
		/// template.
		fn check_customisation(
			template: TemplateId,
			customisation: Customisation<Balance>,
			round: Option<RoundTerms<Balance, BlockNumber>>,
		) -> Option<Result<(), CheckError>>;
		/// All about a character.
		fn character(character: CharacterId) -> Option<CharacterPage<AccountId, AssetId, Balance, BlockNumber>>;
		/// The character that a community is of.
		fn character_of_community(community: CommunityId) -> Option<CharacterId>;
		/// Holder of the character's NFT.
		fn owner(character: CharacterId) -> Option<AccountId>;
		/// Block at which a character's persona or models changed last.
		fn unchanged_since(character: CharacterId) -> Option<BlockNumber>;
		/// How the character's part of a fee is divided now.
		fn terms_of(character: CharacterId) -> Option<CharacterPayees<AccountId>>;
		/// All about an account as a fan of a character.
		fn fan_page(character: CharacterId, who: AccountId) -> Option<FanPage<Balance, BlockNumber>>;
		/// A character's investment round.
		fn round(character: CharacterId) -> Option<Round<AssetId, Balance, BlockNumber>>;
		/// What shares cost now, open or not. Nothing without a round, and for more shares than are left.
		fn round_quote(character: CharacterId, shares: Balance) -> Option<RoundQuote<Balance>>;
		/// Shares that an account has bought in a character's round.
		fn invested(character: CharacterId, who: AccountId) -> Balance;
		/// A collective.
		fn collective(collective: CollectiveId) -> Option<Collective<AccountId, Balance>>;
		/// Where a character is seated.
		fn seat(character: CharacterId) -> Option<Seat>;
		/// A character's memory.
		fn memory_at(character: CharacterId) -> Memory;
		/// A message whose job is not final.
		fn talk_of(job: JobId) -> Option<Talk<AccountId, Balance>>;
	}
}
