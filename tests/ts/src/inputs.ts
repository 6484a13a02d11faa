// Inputs of jobs in the shapes that polkadot.js Apps builds from its forms.

export interface ImageFields {
	prompt: string;
	negativePrompt: string;
	width: number;
	height: number;
	steps: number;
	guidanceCenti: number;
}

export interface TextFields {
	prompt: string;
	maxTokens: number;
	temperatureCenti: number;
	topPPermille: number;
	topK: number;
}

const bytes = (text: string) => `0x${Buffer.from(text, 'utf8').toString('hex')}`;

/** A picture that the demo model makes in about a second. */
export function image(fields: Partial<ImageFields> = {}) {
	const all = {
		prompt: 'a red circle on a blue background',
		negativePrompt: '',
		width: 64,
		height: 64,
		steps: 8,
		guidanceCenti: 250,
		...fields,
	};
	return { Image: { ...all, prompt: bytes(all.prompt), negativePrompt: bytes(all.negativePrompt) } };
}

/** A reply of a few words. */
export function text(fields: Partial<TextFields> = {}) {
	const all = { prompt: 'who are you?', maxTokens: 24, temperatureCenti: 0, topPPermille: 1000, topK: 0, ...fields };
	return { Text: { ...all, prompt: bytes(all.prompt) } };
}

/** The requester's own seed, so that the same job gives the same output again. */
export function seed(byte: number) {
	return { User: `0x${byte.toString(16).padStart(2, '0').repeat(32)}` };
}
