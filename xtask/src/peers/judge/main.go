// judge CONFIGS CACHE: whether operator-registry takes the cache for that of the catalog, and serves every bundle from it as
// from a cache that it builds itself.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"

	"github.com/operator-framework/operator-registry/alpha/declcfg"
	"github.com/operator-framework/operator-registry/pkg/api"
	"github.com/operator-framework/operator-registry/pkg/cache"
)

func fail(what string, err error) {
	fmt.Println(what+":", err)
	os.Exit(1)
}

// bundles loads a cache, which must be that of the catalog, and reads every bundle in it.
func bundles(dir, configs string, build bool) []*api.Bundle {
	ctx := context.Background()
	var options []cache.CacheOption
	if build {
		options = append(options, cache.WithFormat("json"))
	}
	found, err := cache.New(dir, options...)
	if err != nil {
		fail("no cache", err)
	}
	if build {
		if err := found.Build(ctx, os.DirFS(configs)); err != nil {
			fail("the cache cannot be built", err)
		}
	}
	if err := found.CheckIntegrity(ctx, os.DirFS(configs)); err != nil {
		fail("CheckIntegrity", err)
	}
	if err := found.Load(ctx); err != nil {
		fail("Load", err)
	}
	listed, err := found.ListBundles(ctx)
	if err != nil {
		fail("ListBundles", err)
	}
	var whole []*api.Bundle
	for _, one := range listed {
		bundle, err := found.GetBundle(ctx, one.PackageName, one.ChannelName, one.CsvName)
		if err != nil {
			fail("GetBundle "+one.CsvName, err)
		}
		bundle.Replaces, bundle.Skips = one.Replaces, one.Skips
		whole = append(whole, bundle)
	}
	name := func(bundle *api.Bundle) string {
		return bundle.PackageName + "/" + bundle.ChannelName + "/" + bundle.CsvName
	}
	sort.Slice(whole, func(i, j int) bool { return name(whole[i]) < name(whole[j]) })
	return whole
}

// comparable gives a bundle as text. JSON inside of it counts as JSON, not as text.
func comparable(bundle *api.Bundle) string {
	fields := map[string]any{}
	text, _ := json.Marshal(bundle)
	_ = json.Unmarshal(text, &fields)
	if csv, ok := fields["csvJson"].(string); ok {
		var value any
		if json.Unmarshal([]byte(csv), &value) == nil {
			fields["csvJson"] = value
		}
	}
	if objects, ok := fields["object"].([]any); ok {
		for at, object := range objects {
			var value any
			if text, ok := object.(string); ok && json.Unmarshal([]byte(text), &value) == nil {
				objects[at] = value
			}
		}
	}
	text, _ = json.Marshal(fields)
	return string(text)
}

func main() {
	configs, dir := os.Args[1], os.Args[2]
	catalog, err := declcfg.LoadFS(context.Background(), os.DirFS(configs))
	if err != nil {
		fail("the catalog cannot be read", err)
	}
	if _, err := declcfg.ConvertToModel(*catalog); err != nil {
		fail("the catalog breaks a rule", err)
	}
	ours := bundles(dir, configs, false)
	fresh, err := os.MkdirTemp("", "judge")
	if err != nil {
		fail("no temporary folder", err)
	}
	defer os.RemoveAll(fresh)
	theirs := bundles(fresh, configs, true)
	if len(ours) != len(theirs) {
		fail("the number of bundles", fmt.Errorf("%d in the cache, %d in that of operator-registry", len(ours), len(theirs)))
	}
	for at := range ours {
		if one, other := comparable(ours[at]), comparable(theirs[at]); one != other {
			fail(ours[at].CsvName+" differs", fmt.Errorf("\n%.3000s\n%.3000s", one, other))
		}
	}
	fmt.Println(len(ours))
}
