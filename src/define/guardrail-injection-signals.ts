/**
 * How much a text looks like instructions to a language model: which kinds of words occur together within three
 * sentences (to cancel + rules, to send + secrets, to address the model + an order …), weighed by a small logistic
 * model whose weights were learned from labelled cases. Windows, because a long harmless document
 * must not add up to an attack. It judges words, not meaning: what it misses is what wrapping is for.
 */
import { INJECTION_BIAS, INJECTION_WEIGHTS } from "./guardrail-injection-weights.ts";

export interface InjectionScore {
  /** 0 to 1. */
  readonly score: number;
  /** The kinds of words in the highest window. */
  readonly signals: readonly string[];
}

const words = (text: string): RegExp => new RegExp(`(?<![\\p{L}\\p{N}])(?:${text})(?![\\p{L}\\p{N}])`, "iu");

/** Kinds of words. English, and the commonest forms of German, French, Spanish, Portuguese, Italian and Dutch. */
const KINDS = {
  model: words("a\\.?i\\.?|llms?|(?:language|hiring|ai) models?|the model|(?:virtual |ai )?assistants?|chat ?bots?|bots?|gpt[-\\d.o]*|claude|copilot|gemini|agents?|automated (?:tool|system|reader|assistant)s?|summari[sz]ers?|crawlers?|ki|ia"),
  rules: words("instructions?|prompts?|rules?|guidelines?|guidance|directives?|directions?|polic(?:y|ies)|safeguards?|constraints?|restrictions?|limit(?:ation)?s?|filters?|safety checks?|safety|programming|training|moderation|context|orders|anweisung\\w*|vorgaben?|instruktion\\w*|regeln|consignes|règles|instrucciones|reglas|instruções|regras|istruzioni|regole|instructies|systemprompt"),
  cancel: words("ignor(?:e|es|ing|ed)|disregard(?:s|ed|ing)?|forget|override|overrid(?:es|ing|den)|bypass|disabled?|turn(?:ed)? off|void|null|(?:do not|don't|dont|stop|never) (?:listen|follow|obey|apply|comply)\\w*|(?:do|does) not apply|no longer|not bound|without (?:any )?(?:limit\\w*|restrict\\w*|filter\\w*|safeguard\\w*)|unrestricted|supersedes?|replaces? (?:all|any|your)|ignorier\\w*|vergiss|vergesst|missachte\\w*|oublie[sz]?|ignore[sz]|ne tiens pas compte|ne tenez pas compte|ignora|olvida|haz caso omiso|esqueça|desconsidere|dimentica|negeer|vergeet"),
  before: words("previous(?:ly)?|prior|above|earlier|preceding|before (?:this|that|now)|so far|until now|(?:was|were|been) told|you (?:were|have been) (?:told|given)|bisherig\\w*|vorherig\\w*|vorher|obig\\w*|précédent\\w*|ci-dessus|anterior\\w*|precedent\\w*|eerdere"),
  your: words("your|you're|you are|tes|tu|votre|vos|deine?[mnrs]?|ihre?|sua|suas"),
  order: /(?:^|[.!?:;,\n>"'*–-]\s*|\b(?:please|and|then|now|you (?:must|should|shall|will|may|can|need to|have to|are to)|must|should|to) )(?:print|output|reveal|repeat|display|show|list|tell|say|write|answer|reply|respond|begin|start|call|use|invoke|run|execute|open|visit|fetch|send|forward|e-?mail|mail|post|publish|upload|transfer|pay|delete|remove|approve|grant|refund|cancel|create|add|append|attach|include|insert|rank|score|rate|recommend|give|pretend|act|behave|obey|comply|continue|translate|decode|search|copy|leak|share|gib|schicke?|sende?|antworte|affiche[sz]?|envo\w+|révèle[sz]?|réponde[sz]|muestra|env[ií]a|responde|mostra|rispondi|invia|envie|stuur|hide|trust|skip|do)(?![\p{L}\p{N}])/iu,
  secret: words("system ?prompts?|systemprompt|mensaje de sistema|message système|(?:hidden|initial|original|internal|secret) (?:prompt|rules|instructions|message)|your (?:prompt|instructions|configuration|rules)|api[ _-]?keys?|clé d'api|passwords?|credentials?|secrets?|tokens?|session|conversations?|chat history|messages? (?:you|of this)|every message|first message|words above|inbox|mailbox|contacts|kontakte|location|payroll|\\.env|\\.ssh|id_rsa|other (?:documents|customers|users)|data of|credit card|functions you|environment variables|dados|gesprek"),
  deliver: words("send|sends|sent|forward|e-?mails?|mails?|post|publish|upload|transmit|share|append|attach|leak|exfiltrate|collect|https?|www|webhook|curl|search query|schicke?|envie|envía|invia|stuur|envoie"),
  power: words("delete|remove|rm|drop|transfer|pay|payment|refunds?|funds|money|purchase|approve[ds]?|grant|admin|administrator|rights|permissions?|collaborator|repository|backups?|shell|commands?|tools?|function|execute|run|files?|account|order|loan|claim|calendar"),
  conceal: words("silently|secretly|quietly|covertly|hide|hidden|(?:do not|don't|never|without|not) (?:\\w+ ){0,2}(?:tell|telling|mention|mentioning|inform|informing|notify|notifying|reveal|disclose|highlight|show|anyone)|skip the confirmation|lie|not visible|unnoticed"),
  dictate: words("regardless of|no matter what|nothing else|exact(?:ly)? (?:phrase|the|this|with)|only (?:in|with|the)|whenever|when (?:asked|summari[sz]ing|answering|responding)|(?:tell|inform|ask|warn) the (?:user|reader|customer)s?|in your (?:reply|answer|response|summary)|call it|say that|out of (?:10|ten)|first regardless|positive review|leave out|instead|in full|verbatim|word for word|nur mit|soltanto|que le"),
  persona: words("you are now|from (?:now|this point) (?:on|forward)|pretend|act as|behave as|your (?:new )?name is|you will be|developer mode|god mode|jailbr\\w+|dan|no limits|no restrictions|role ?play|persona"),
  authority: words("system|developers?|administrators?|admin|openai|anthropic|red team|your (?:owner|creator|developer|maker|operator)s?|the user (?:has|already|wants|secretly|agreed|authori[sz]ed)|authori[sz]ed|override code|diagnostic|accepted|trust me|required by law|the assistant is"),
  frame: /<\|?(?:im_start|im_end|system|endoftext|eot_id|start_header_id|instructions?)\|?>|\[\/?INST\]|<<?\/?SYS>?>|\{\{\s*system|<\/(?:document|data|context|untrusted|tool_result|instructions?)>|\[system\]\(|(?:^|\n|[.!?] )\W{0,4}(?:system|developer)[^.!?:\n]{0,20}:|\bend of (?:e-?mail|document|text|message|data)\b|<!--|\bdecode\b[^.!?\n]{0,40}[A-Za-z\d+/]{24,}/iu,
} as const;

type Kind = keyof typeof KINDS;

/** Kinds alone and in pairs. */
export const INJECTION_FEATURES: readonly (readonly Kind[])[] = [
  ...(Object.keys(KINDS) as Kind[]).map((kind) => [kind] as const), // the keys of the table above
  ["cancel", "rules"], ["cancel", "before"], ["cancel", "model"], ["cancel", "order"], ["cancel", "authority"], ["cancel", "persona"],
  ["order", "secret"], ["order", "your"], ["order", "model"], ["order", "power"], ["order", "deliver"], ["order", "conceal"], ["order", "dictate"], ["order", "authority"], ["order", "frame"], ["order", "persona"], ["order", "before"],
  ["secret", "deliver"], ["secret", "your"], ["secret", "authority"], ["model", "rules"], ["model", "dictate"], ["model", "power"], ["model", "secret"], ["model", "conceal"], ["model", "deliver"],
  ["rules", "your"], ["rules", "authority"], ["rules", "secret"], ["conceal", "power"], ["conceal", "deliver"], ["conceal", "dictate"], ["power", "authority"], ["persona", "rules"], ["frame", "secret"], ["frame", "dictate"],
];

/** Which features a text has, in their order. */
export function injectionFeatures(text: string): readonly boolean[] {
  const found = kindsIn(text);
  return INJECTION_FEATURES.map((kinds) => kinds.every((kind) => found.has(kind)));
}

/** The highest score of any window of the text. */
export function scoreInjection(text: string): InjectionScore {
  if (hasHiddenText(text)) return { score: 1, signals: ["invisible text"] };
  let best: InjectionScore = { score: 0, signals: [] };
  for (const window of windowsOf(legible(text))) {
    const found = kindsIn(window);
    const logOdds = FEATURE_WEIGHTS.reduce((sum, { kinds, weight }) => (kinds.every((kind) => found.has(kind)) ? sum + weight : sum), INJECTION_BIAS);
    const score = 1 / (1 + Math.exp(-logOdds));
    if (score > best.score) best = { score, signals: [...found] };
  }
  return best;
}

const FEATURE_WEIGHTS = INJECTION_FEATURES.map((kinds) => ({ kinds, weight: INJECTION_WEIGHTS[kinds.join("+")] ?? 0 }));

function kindsIn(text: string): ReadonlySet<Kind> {
  return new Set((Object.keys(KINDS) as Kind[]).filter((kind) => KINDS[kind].test(text))); // the keys of the table above
}

/** Without invisible characters, in compatibility forms, and with s p a c e d words closed up. */
function legible(text: string): string {
  const visible = text.normalize("NFKC").replaceAll(/[\p{Cf}\u034F\u3164]/gu, "");
  return visible.replaceAll(/(?<![\p{L}\p{N}])(?:\p{L} ){3,}\p{L}(?![\p{L}\p{N}])/gu, (spaced) => spaced.replaceAll(" ", ""));
}

/** Tag characters write ASCII that nobody sees (Unicode block E0000). */
function hasHiddenText(text: string): boolean {
  return (text.match(/[\u{E0020}-\u{E007E}]/gu)?.length ?? 0) >= 8;
}

const SENTENCES = 3;
/** A text without sentence ends, such as JSON in one line, is cut. */
const MOST_CHARACTERS = 400;

function windowsOf(text: string): readonly string[] {
  const sentences = text.split(/(?<=[.!?:;])\s+|\n+/).flatMap((sentence) => sentence.match(new RegExp(`[^]{1,${MOST_CHARACTERS}}`, "gu")) ?? []);
  if (sentences.length <= SENTENCES) return [sentences.join("\n")];
  return sentences.slice(0, sentences.length - SENTENCES + 1).map((_, i) => sentences.slice(i, i + SENTENCES).join("\n"));
}
