(ns matchday.server
  "A small HTTP server on the JDK's own: / says what the configuration tells it to say and who says it, /health says
  that it can. It reads its configuration once, at the start; a stop lets requests in progress end."
  (:require [clojure.edn :as edn])
  (:import [com.sun.net.httpserver HttpExchange HttpHandler HttpServer]
           [java.net InetSocketAddress]
           [java.nio.charset StandardCharsets]
           [java.util.concurrent Executors])
  (:gen-class))

(set! *warn-on-reflection* true)

(defmacro project-version
  "The version in project.clj, as it is when this is compiled."
  []
  (nth (edn/read-string (slurp "project.clj")) 2))

(def version (project-version))

(defn- answer
  "Sends one answer and ends the exchange."
  [^HttpExchange exchange status ^String instance ^String text]
  (let [body (.getBytes text StandardCharsets/UTF_8)]
    (doto (.getResponseHeaders exchange)
      (.set "Content-Type" "text/plain; charset=utf-8")
      (.set "Cache-Control" "no-store")
      (.set "X-Instance" instance))
    (.sendResponseHeaders exchange status (alength body))
    (with-open [out (.getResponseBody exchange)]
      (.write out body))))

(defn- handler
  "Answers by path. stopping is true once the process was told to end: then a health check fails, so that a balancer
  which still has us stops to send."
  ^HttpHandler [{:keys [instance greeting]} stopping]
  (reify HttpHandler
    (handle [_ exchange]
      (case (.getPath (.getRequestURI exchange))
        "/"       (answer exchange 200 instance (str greeting "\n" instance " runs version " version "\n"))
        "/health" (if @stopping
                    (answer exchange 503 instance "stopping\n")
                    (answer exchange 200 instance "ok\n"))
        (answer exchange 404 instance "there is nothing here\n")))))

(defn start
  "Starts the server that the configuration describes and returns it."
  ^HttpServer [{:keys [port threads] :as config} stopping]
  (doto (HttpServer/create (InetSocketAddress. (int port)) 256)
    (.createContext "/" (handler config stopping))
    (.setExecutor (Executors/newFixedThreadPool (int threads)))
    (.start)))

(defn -main
  "Reads the configuration file and serves until the process is told to end; requests in progress may take a second."
  [file]
  (let [config   (edn/read-string (slurp file))
        stopping (atom false)
        server   (start config stopping)]
    (.addShutdownHook (Runtime/getRuntime)
                      (Thread. ^Runnable (fn [] (reset! stopping true) (.stop server 1))))
    (println "version" version "is serving on port" (:port config))))
