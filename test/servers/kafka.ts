/**
 * An Apache Kafka broker (KRaft, one node) for tests: its released jars, fetched once through Maven into the system's
 * temporary folder, run by the Java that is here, on a data folder of its own.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Admin } from "@platformatic/kafka";
import { findProgram, freePort, startServer } from "./process.ts";
import type { ServerProcess } from "./process.ts";

const VERSION = "3.9.1";
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>strata</groupId><artifactId>kafka-server</artifactId><version>1</version>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency></dependencies></project>`;

const run = promisify(execFile);

export interface KafkaServer extends ServerProcess {
  readonly broker: string;
}

/** The folder of the broker's jars; the reason where they cannot be had. */
export async function kafkaJars(): Promise<{ readonly jars: string } | { readonly missing: string }> {
  if (findProgram("java") === undefined) return { missing: "there is no Java" };
  const folder = join(tmpdir(), "strata-servers", "kafka");
  const jars = join(folder, "lib");
  if (existsSync(join(jars, `kafka_2.13-${VERSION}.jar`))) return { jars };
  if (findProgram("mvn") === undefined) return { missing: "there is no Maven to fetch Kafka" };
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "pom.xml"), POM);
    await run("mvn", ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"], { cwd: folder, timeout: 300_000 });
    return { jars };
  } catch (thrown) {
    return { missing: `Kafka ${VERSION} could not be fetched: ${String(thrown).slice(0, 200)}` };
  }
}

export async function startKafka(jars: string): Promise<KafkaServer> {
  const folder = await mkdtemp(join(tmpdir(), "strata-kafka-"));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const file = join(folder, "server.properties");
  await writeFile(file, [
    "process.roles=broker,controller", "node.id=1", `controller.quorum.voters=1@127.0.0.1:${controllerPort}`, "controller.listener.names=CONTROLLER",
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`, `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", `log.dirs=${folder}/data`, "auto.create.topics.enable=false",
    "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1", "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
    "group.initial.rebalance.delay.ms=0", "broker.session.timeout.ms=1500", "broker.heartbeat.interval.ms=300", "log.retention.check.interval.ms=3600000", "log.initial.task.delay.ms=3600000",
  ].join("\n"));
  const classpath = join(jars, "*");
  const java = (main: string, ...words: readonly string[]): readonly string[] => ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classpath, main, ...words];
  await run("java", [...java("kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", file)]);
  const broker = `127.0.0.1:${port}`;
  const answers = async (): Promise<boolean> => {
    const admin = new Admin({ clientId: "waiting", bootstrapBrokers: [broker], retries: 0, connectTimeout: 500, timeout: 1_000 });
    try {
      await admin.listTopics();
      return true;
    } finally {
      await admin.close().catch(() => undefined);
    }
  };
  const server = await startServer({ program: "java", words: java("kafka.Kafka", file), answers, timeoutMs: 90_000 });
  return {
    ...server, broker,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
