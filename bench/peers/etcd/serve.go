package main

import (
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/trefoilgo/trefoil/bench/child"
)

// serve is a cluster of one member with etcd's defaults: every commit is synced to its log on disk.
func serve() ([]string, map[string]child.Command, error) {
	config := embed.NewConfig()
	config.Dir = filepath.Join(os.Getenv(dirVariable), "etcd")
	config.LogLevel = "error"
	client, err := free()
	if err != nil {
		return nil, nil, err
	}
	peer, err := free()
	if err != nil {
		return nil, nil, err
	}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	e, err := embed.StartEtcd(config)
	if err != nil {
		return nil, nil, err
	}
	select {
	case <-e.Server.ReadyNotify():
	case err := <-e.Err():
		return nil, nil, err
	case <-time.After(30 * time.Second):
		return nil, nil, errors.New("etcd is not ready")
	}
	return []string{client.Host}, nil, nil
}

// free is a port that was free just now.
func free() (url.URL, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return url.URL{}, err
	}
	defer l.Close()
	return url.URL{Scheme: "http", Host: l.Addr().String()}, nil
}
