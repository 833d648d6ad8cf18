/**
 * Metrics and one log line per call under the names of OpenTelemetry's GenAI conventions, with "_" for "." as its
 * Prometheus translation has it. Token usage is split into input and output only: a third type would double every sum.
 */
import type { Target } from "../../define/language-model.ts";
import type { Labels, Logger, Meter } from "../../ports/telemetry.ts";
import type { CallOutcome, Operation, TokenUsage } from "./call-policy.ts";

export interface FinishedCall {
  readonly operation: Operation;
  /** The language model's name. */
  readonly model: string;
  /** The one that answered, or the last that was asked; undefined: none was. */
  readonly target: Target | undefined;
  readonly requestId: string;
  readonly isStream: boolean;
  readonly usage: TokenUsage;
  readonly isEstimated: boolean;
  readonly outcome: CallOutcome["outcome"];
  /** The error's code. */
  readonly errorCode: string | undefined;
  readonly finishReasons: readonly string[];
  readonly attempts: number;
  readonly tookMs: number;
  /** undefined: none came. */
  readonly firstTokenMs: number | undefined;
  readonly addedMs: number;
}

export interface CallTelemetry {
  finished(call: FinishedCall): void;
}

/** The conventions' names of operations; the Responses and Messages dialects are chats. */
const OPERATION_NAMES: Readonly<Record<Operation, string>> = { chat: "chat", text_completion: "text_completion", responses: "chat", messages: "chat", embeddings: "embeddings" };

interface LabelSets {
  readonly call: Labels;
  readonly input: Labels;
  readonly output: Labels;
}

export function createCallTelemetry({ meter, logger }: { readonly meter: Meter; readonly logger: Logger }): CallTelemetry {
  const tokens = meter.histogram("gen_ai_client_token_usage", "Tokens of a call, by gen_ai_token_type input and output.");
  const duration = meter.histogram("gen_ai_client_operation_duration_seconds", "Duration of a call of a language model, to the end of its stream.");
  const firstToken = meter.histogram("gen_ai_server_time_to_first_token_seconds", "Until the first token of a stream, as the caller sees it.");
  const perToken = meter.histogram("gen_ai_server_time_per_output_token_seconds", "Average time of an output token after the first.");
  const added = meter.histogram("strata_gateway_added_seconds", "What the gateway itself adds to a call before its first byte.");
  const labelsOf = createLabels();

  return {
    finished: (call) => {
      const { usage, tookMs, firstTokenMs } = call;
      const labels = labelsOf(call);
      duration.record(tookMs / 1_000, labels.call);
      added.record(call.addedMs / 1_000);
      if (usage.inputTokens > 0 || usage.outputTokens > 0) {
        tokens.record(usage.inputTokens, labels.input);
        tokens.record(usage.outputTokens, labels.output);
      }
      if (call.isStream && firstTokenMs !== undefined) {
        firstToken.record(firstTokenMs / 1_000, labels.call);
        if (usage.outputTokens > 1) perToken.record((tookMs - firstTokenMs) / 1_000 / (usage.outputTokens - 1), labels.call);
      }
      logger.log(call.outcome === "upstream-failed" ? "warn" : "debug", `${labels.call["gen_ai_operation_name"]} ${call.model}: ${call.outcome}`, spanOf(call));
    },
  };
}

/** Frozen sets by what tells them apart: the store finds the series of a known set without looking at it. */
function createLabels(): (call: FinishedCall) => LabelSets {
  const known = new Map<string, LabelSets>();
  return (call) => {
    const { operation, model, target, errorCode } = call;
    const key = `${operation}\n${model}\n${target?.upstream.name}\n${target?.model}\n${errorCode}`;
    let sets = known.get(key);
    if (sets === undefined) {
      if (known.size > 10_000) known.clear();
      const common = {
        gen_ai_operation_name: OPERATION_NAMES[operation], gen_ai_provider_name: target?.upstream.name ?? "", gen_ai_request_model: model,
        gen_ai_response_model: target?.model ?? "", ...(target === undefined ? {} : serverOf(target.upstream.url)),
      };
      known.set(key, sets = {
        call: Object.freeze({ ...common, ...(errorCode === undefined ? {} : { error_type: errorCode }) }),
        input: Object.freeze({ ...common, gen_ai_token_type: "input" }), output: Object.freeze({ ...common, gen_ai_token_type: "output" }),
      });
    }
    return sets;
  };
}

function serverOf(url: string): Labels {
  if (!URL.canParse(url)) return {};
  const { hostname, port, protocol } = new URL(url);
  return { server_address: hostname, server_port: port === "" ? (protocol === "https:" ? "443" : "80") : port };
}

/** A call's span as attributes. */
function spanOf(call: FinishedCall): Readonly<Record<string, unknown>> {
  const { usage, target } = call;
  return {
    "gen_ai.operation.name": OPERATION_NAMES[call.operation], "gen_ai.provider.name": target?.upstream.name, "gen_ai.request.model": call.model,
    "gen_ai.response.model": target?.model, "gen_ai.request.stream": call.isStream, "gen_ai.response.finish_reasons": call.finishReasons,
    "gen_ai.usage.input_tokens": usage.inputTokens, "gen_ai.usage.output_tokens": usage.outputTokens,
    "gen_ai.usage.cache_read.input_tokens": usage.cachedInputTokens, "gen_ai.usage.reasoning.output_tokens": usage.reasoningTokens,
    "gen_ai.response.time_to_first_chunk": call.firstTokenMs === undefined ? undefined : call.firstTokenMs / 1_000,
    "error.type": call.errorCode, "strata.outcome": call.outcome, "strata.is_estimated": call.isEstimated, "strata.attempts": call.attempts,
    requestId: call.requestId, tookMs: Math.round(call.tookMs),
  };
}
