# Part of servers.sh: starts the servers and writes how to reach them to $folder/env. Needs: launch, await, free_port, want.

start_all() {
  # The slowest first.
  if want kafka; then start_kafka; fi
  if want redis; then start_redis; fi
  if want etcd; then start_etcd; fi
  if want db; then start_db; fi
  if want redis; then await redis 20 redis-cli -p "$redis_port" ping; fi
  if want etcd; then await etcd 20 sh -c "curl -fs http://127.0.0.1:$etcd_port/health | grep -q true"; fi
  if want kafka; then
    for n in $(seq "$nodes"); do await "kafka$n" 90 grep -q 'Kafka Server started' "$folder/kafka$n.log"; done
  fi
  say "ready in $folder"
}

reach() { echo "$1=$2" >>"$folder/env"; }

start_redis() {
  free_port redis_port
  launch redis redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$folder" --save "" --appendonly no
  reach REDIS_URL "redis://127.0.0.1:$redis_port/0"
}

start_etcd() {
  local peer
  free_port etcd_port; free_port peer
  # A single node still waits for its own election: short times make it ready at once.
  launch etcd etcd --name n1 --data-dir "$folder/etcd" --logger zap --log-level warn \
    --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "n1=http://127.0.0.1:$peer" --heartbeat-interval 20 --election-timeout 200
  reach ETCD_ENDPOINTS "http://127.0.0.1:$etcd_port"
}

# MariaDB or MySQL 8: a primary, and a replica that follows it by GTID and takes no writes.
start_db() {
  local primary replica server follow identified
  free_port primary; free_port replica
  cp -a "$template/data" "$folder/primary"; cp -a "$template/data" "$folder/replica"
  server=(--no-defaults "${as_root[@]}" --bind-address=127.0.0.1 --skip-name-resolve --max-connections=300
    --innodb-log-file-size=16M --innodb-buffer-pool-size=128M --innodb-flush-log-at-trx-commit=1 --sync-binlog=1
    --character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci --log-bin=bin --binlog-format=ROW
    --performance-schema=OFF)
  local follower=(--relay-log=relay --relay-log-recovery=ON --skip-slave-start)
  if [ "$db" = mariadb ]; then
    server=(/usr/sbin/mariadbd "${server[@]}" --log-slave-updates=ON --gtid-strict-mode=ON)
    follower+=(--read-only=ON); follow="master_use_gtid=slave_pos"
  else
    server=("$mysql8/bin/mysqld" "${server[@]}" --basedir="$mysql8" --mysqlx=0 --gtid-mode=ON
      --enforce-gtid-consistency=ON --default-authentication-plugin=mysql_native_password)
    follower+=(--super-read-only=ON --master-info-repository=TABLE --relay-log-info-repository=TABLE)
    follow="master_auto_position=1"
  fi
  launch primary "${server[@]}" --datadir="$folder/primary" --port="$primary" --socket="$folder/p.sock" \
    --pid-file="$folder/primary.own" --server-id=1
  launch replica "${server[@]}" "${follower[@]}" --datadir="$folder/replica" --port="$replica" --socket="$folder/r.sock" \
    --pid-file="$folder/replica.own" --server-id=2
  await primary 60 root_of p -e 'select 1'
  # Rights on our schemas only: with all rights a user may write to MariaDB's read-only replica, and breaks it.
  root_of p -e "create user repl@'127.0.0.1' identified by 'repl'; grant replication slave on *.* to repl@'127.0.0.1';
    create user app@'127.0.0.1' identified by 'app'; grant all on \`gochat%\`.* to app@'127.0.0.1'; create database gochat"
  await replica 60 root_of r -e 'select 1'
  root_of r -e "change master to master_host='127.0.0.1', master_port=$primary, master_user='repl',
    master_password='repl', $follow, master_connect_retry=1, master_heartbeat_period=1; start slave"
  await replica 30 mariadb --no-defaults -uapp -papp -h127.0.0.1 -P"$replica" gochat -e 'select 1'
  reach MYSQL_PRIMARY_URL "mysql://app:app@127.0.0.1:$primary/gochat"
  reach MYSQL_REPLICA_URL "mysql://app:app@127.0.0.1:$replica/gochat"
}
root_of() { local which=$1; shift; mariadb --no-defaults -uroot -S "$folder/$which.sock" "$@"; }

# Each node is broker and controller.
start_kafka() {
  local n rf=$nodes isr voters= brokers= links= port control link linked
  isr=$((rf > 1 ? rf - 1 : 1))
  for n in $(seq "$nodes"); do
    free_port port; free_port control; free_port link; free_port linked
    printf -v "kafka_port$n" %s "$port"; printf -v "kafka_control$n" %s "$control"
    printf -v "kafka_link$n" %s "$link"; printf -v "kafka_linked$n" %s "$linked"
    links+=${links:+,}127.0.0.1:$link=127.0.0.1:$linked
    voters+=${voters:+,}$n@127.0.0.1:$control; brokers+=${brokers:+,}127.0.0.1:$port
  done
  for n in $(seq "$nodes"); do
    port=kafka_port$n; control=kafka_control$n; link=kafka_link$n; linked=kafka_linked$n
    sed -e "s|@NODE@|$n|; s|@PORT@|${!port}|g; s|@CONTROL@|${!control}|g; s|@VOTERS@|$voters|" \
      -e "s|@LINK@|${!link}|; s|@LINKED@|${!linked}|; s|@DATA@|$folder/kafka$n|; s|@RF@|$rf|; s|@ISR@|$isr|" "$here/kafka.properties" >"$folder/kafka$n.properties"
    "${kafka_jvm[@]}" -cp "$kafka/lib/*" kafka.tools.StorageTool format -t GoChatTestClusterAAAAA \
      -c "$folder/kafka$n.properties" >"$folder/format$n.out" 2>&1 || { cat "$folder/format$n.out" >&2; die "can't format"; }
    launch "kafka$n" "${kafka_jvm[@]}" -cp "$kafka/lib/*" kafka.Kafka "$folder/kafka$n.properties"
  done
  reach KAFKA_BROKERS "$brokers"
  reach KAFKA_LINKS "$links"
}
